from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audio_files import Samples, tones

from pipeline import errors
from pipeline.stages.decode_peaks import MAX_BUCKETS, PeakBuilder, Peaks, read_peaks


def peaks_of(samples: Samples, rate_hz: int, block: int, path: Path) -> Peaks:
    builder = PeakBuilder(channels=samples.shape[1], rate_hz=rate_hz)
    for at in range(0, len(samples), block):
        builder.write(samples[at : at + block])
    path.write_bytes(builder.to_bytes())
    return read_peaks(path)


@pytest.mark.parametrize("block", [1, 79, 8000, 100_000])
def test_each_bucket_holds_the_extremes_of_its_samples(tmp_path: Path, block: int) -> None:
    samples = tones(1.2345, 8000, 2)
    peaks = peaks_of(samples, 8000, block, tmp_path / "p")
    assert (peaks.sample_rate_hz, peaks.samples_per_bucket, peaks.duration_ms) == (8000, 80, 1234)
    assert peaks.buckets == -(-len(samples) // 80)
    for channel in (0, 1):
        lane = samples[:, channel]
        for bucket in (0, 7, peaks.buckets - 1):
            part = lane[bucket * 80 : bucket * 80 + 80]
            assert peaks.pairs[channel][2 * bucket] == int(part.min() / 256)
            assert peaks.pairs[channel][2 * bucket + 1] == int(part.max() / 256)


def test_a_long_call_gets_wider_buckets_in_the_right_places(tmp_path: Path) -> None:
    rate_hz = 4000
    samples = np.zeros((rate_hz * 700, 1), np.int16)
    marks = (3.0, 333.3, 699.9)
    for second in marks:
        samples[int(second * rate_hz)] = 20_000
    peaks = peaks_of(samples, rate_hz, 5000, tmp_path / "p")
    assert MAX_BUCKETS / 2 < peaks.buckets <= MAX_BUCKETS
    loud = [i for i in range(peaks.buckets) if peaks.pairs[0][2 * i + 1] > 70]
    assert loud == [int(second * rate_hz) // peaks.samples_per_bucket for second in marks]


def test_full_scale_stays_within_range(tmp_path: Path) -> None:
    samples = np.array([[-32768], [32767]] * 100, np.int16)
    peaks = peaks_of(samples, 8000, 1000, tmp_path / "p")
    assert (min(peaks.pairs[0]), max(peaks.pairs[0])) == (-127, 127)


@pytest.mark.parametrize("damage", [lambda d: d[:10], lambda d: d[:-1], lambda d: b"XXXX" + d[4:], lambda d: b""])
def test_other_files_are_not_peaks(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "p"
    peaks_of(tones(0.1, 8000), 8000, 100, path)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(errors.InvalidInput) as wrong:
        read_peaks(path)
    assert wrong.value.code == "bad_peaks"
