from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from audio_files import Samples, amr_wb, encode, g729_wav, gsm_wav, pcm_wav, tones, wav

from pipeline import errors, records
from pipeline.stages.decode_source import SourceAudio
from pipeline.stages.sniff import sniff


def decoded(path: Path, audio_format: str | None = None) -> tuple[SourceAudio, Samples]:
    media_type = sniff(path.read_bytes()[:65_536], path.name, audio_format)
    recording = records.Recording(sha256="0", media_type=media_type, size_bytes=1, audio_format=audio_format)
    with SourceAudio(path, recording) as source:
        return source, np.concatenate(list(source))


def pitch_hz(lane: Samples, rate_hz: int) -> float:
    middle = lane[len(lane) // 4 : len(lane) * 3 // 4].astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle))))) * rate_hz / len(middle))


FORMATS = [
    # name, codec, container, rate, channels, codec as reported, rate of the derived file
    ("a.wav", "pcm_s16le", None, 8000, 2, "pcm_s16le", 8000),
    ("a.wav", "pcm_u8", None, 8000, 1, "pcm_u8", 8000),
    ("a.wav", "pcm_s24le", None, 44100, 2, "pcm_s24le", 44100),
    ("a.wav", "pcm_s32le", None, 48000, 1, "pcm_s32le", 48000),
    ("a.wav", "pcm_f32le", None, 16000, 2, "pcm_f32le", 16000),
    ("a.wav", "pcm_f64le", None, 16000, 1, "pcm_f64le", 16000),
    ("a.wav", "pcm_mulaw", None, 8000, 2, "pcm_mulaw", 8000),
    ("a.wav", "pcm_alaw", None, 8000, 1, "pcm_alaw", 8000),
    ("a.wav", "adpcm_ima_wav", None, 8000, 1, "adpcm_ima_wav", 8000),
    ("a.wav", "adpcm_ms", None, 8000, 2, "adpcm_ms", 8000),
    ("a.wav", "g722", None, 16000, 1, "adpcm_g722", 16000),
    ("a.w64", "pcm_s16le", "w64", 8000, 2, "pcm_s16le", 8000),
    ("a.au", "pcm_mulaw", "au", 8000, 1, "pcm_mulaw", 8000),
    ("a.aiff", "pcm_s16be", "aiff", 22050, 2, "pcm_s16be", 22050),
    ("a.caf", "pcm_s16le", "caf", 8000, 2, "pcm_s16le", 8000),
    ("a.mp3", "libmp3lame", None, 8000, 1, "mp3", 8000),
    ("a.mp3", "libmp3lame", None, 44100, 2, "mp3", 44100),
    ("a.m4a", "aac", "ipod", 16000, 2, "aac", 16000),
    ("a.aac", "aac", "adts", 16000, 1, "aac", 16000),
    ("a.m4a", "alac", "ipod", 16000, 2, "alac", 16000),
    ("a.opus", "libopus", None, 8000, 2, "opus", 16000),
    ("a.opus", "libopus", None, 24000, 1, "opus", 24000),
    ("a.opus", "libopus", None, 48000, 2, "opus", 48000),
    ("a.webm", "libopus", "webm", 16000, 2, "opus", 16000),
    ("a.ogg", "vorbis", "ogg", 16000, 2, "vorbis", 16000),
    ("a.oga", "flac", "ogg", 16000, 2, "flac", 16000),
    ("a.flac", "flac", None, 44100, 2, "flac", 44100),
    ("a.amr", "libopencore_amrnb", "amr", 8000, 1, "amr_nb", 8000),
    ("a.wma", "wmav2", "asf", 16000, 2, "wmav2", 16000),
    ("a.mkv", "aac", "matroska", 16000, 2, "aac", 16000),
    ("a.avi", "libmp3lame", "avi", 16000, 2, "mp3", 16000),
    ("a.ts", "aac", "mpegts", 16000, 2, "aac", 16000),
    ("a.flv", "aac", "flv", 44100, 2, "aac", 44100),
]


@pytest.mark.parametrize(("name", "codec", "container", "rate_hz", "channels", "reported", "derived_hz"), FORMATS)
def test_each_format_keeps_its_rate_its_channels_and_its_sound(
    tmp_path: Path, name: str, codec: str, container: str | None, rate_hz: int, channels: int, reported: str,
    derived_hz: int,
) -> None:  # fmt: skip
    path = encode(tmp_path / name, tones(4, rate_hz, channels), rate_hz, codec, container)
    source, samples = decoded(path)
    assert (source.codec, source.rate_hz, source.channels) == (reported, derived_hz, channels)
    assert abs(source.duration_ms - 4000) < 200
    for channel in range(channels):
        assert abs(pitch_hz(samples[:, channel], derived_hz) - (300 + 400 * channel)) < 3
    assert source.damage() is None


@pytest.mark.parametrize(
    ("name", "codec", "container", "audio_format", "channels"),
    [
        ("a.ulaw", "pcm_mulaw", "mulaw", "mulaw/8000/1", 1),
        ("a.alaw", "pcm_alaw", "alaw", "alaw/8000/2", 2),
        ("a.raw", "pcm_s16le", "s16le", "s16le/8000/1", 1),
        ("a.raw", "pcm_f32le", "f32le", "f32le/8000/2", 2),
        ("a.g722", "g722", "g722", "g722/16000/1", 1),
    ],
)
def test_headerless_files_are_what_their_format_says(
    tmp_path: Path, name: str, codec: str, container: str, audio_format: str, channels: int
) -> None:
    rate_hz = int(audio_format.split("/")[1])
    path = encode(tmp_path / name, tones(3, rate_hz, channels), rate_hz, codec, container)
    source, samples = decoded(path, audio_format)
    assert (source.rate_hz, source.channels) == (rate_hz, channels)
    assert abs(source.duration_ms - 3000) < 20
    assert abs(pitch_hz(samples[:, channels - 1], rate_hz) - (300 + 400 * (channels - 1))) < 3
    assert source.damage() is None


def test_codecs_without_an_encoder_give_their_length(tmp_path: Path) -> None:
    for path, codec, duration_ms in (
        (gsm_wav(tmp_path / "gsm.wav", 4), "gsm_ms", 4000),
        (g729_wav(tmp_path / "g729.wav", 4), "g729", 4000),
        (amr_wb(tmp_path / "a.awb", 4), "amr_wb", 4000),
    ):
        source, _ = decoded(path)
        assert (source.codec, source.duration_ms, source.damage()) == (codec, duration_ms, None)


def test_surround_is_mixed_to_two_channels(tmp_path: Path) -> None:
    samples = np.zeros((16_000, 6), np.int16)
    samples[:, 2] = tones(1, 16_000)[:, 0]  # the centre, where films put speech
    source, heard = decoded(encode(tmp_path / "a.wav", samples, 16_000, "pcm_s16le"))
    assert source.channels == 2
    for channel in (0, 1):
        assert abs(pitch_hz(heard[:, channel], 16_000) - 300) < 3


def test_float_samples_out_of_range_are_clipped(tmp_path: Path) -> None:
    values = [0.5, 3.0, -3.0, float("nan"), float("inf"), -0.25] * 100
    path = wav(tmp_path / "a.wav", struct.pack(f"<{len(values)}f", *values), tag=3, rate_hz=8000, channels=1, block=4,
               bits=32)  # fmt: skip
    _, samples = decoded(path)
    assert samples[:6, 0].tolist() == [16384, 32767, -32768, 0, 32767, -8192]


# --- damage ---------------------------------------------------------------------------------------------------------


def test_a_cut_file_says_how_much_is_left(tmp_path: Path) -> None:
    whole = pcm_wav(tmp_path / "a.wav", tones(10, 8000), 8000).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) * 6 // 10])
    source, _ = decoded(tmp_path / "cut.wav")
    damage = source.damage()
    assert damage is not None and damage.expected_ms == 10_000
    assert abs(damage.decoded_ms - 6000) < 20


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("a.flac", "flac", None), ("a.mp3", "libmp3lame", None), ("a.m4a", "aac", "ipod"), ("a.mkv", "aac", "matroska"),
     ("a.wma", "wmav2", "asf"), ("a.opus", "libopus", None), ("a.ogg", "vorbis", "ogg")],
)  # fmt: skip
def test_a_cut_is_seen_in_every_format_that_can_show_it(
    tmp_path: Path, name: str, codec: str, container: str | None
) -> None:
    options = {"movflags": "+faststart"} if container == "ipod" else {}
    with av.open(str(tmp_path / name), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=16_000, options={"strict": "-2"})
        stream.layout = "stereo"
        if codec == "wmav2":
            stream.bit_rate = 32_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tones(10, 16_000, 2).reshape(1, -1)), "s16", "stereo")
        frame.sample_rate, frame.pts = 16_000, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2 + 37])
    source, _ = decoded(tmp_path / name)
    damage = source.damage()
    assert damage is not None
    assert 3000 < damage.decoded_ms < 7000
    assert damage.expected_ms is None or name in ("a.opus", "a.ogg") or abs(damage.expected_ms - 10_000) < 300


def test_a_header_that_promises_four_gigabytes_is_damage(tmp_path: Path) -> None:
    for promised in (0xFFFFFFFF, 0xFFFFFF00, 4_000_000_000):
        path = pcm_wav(tmp_path / "a.wav", tones(3, 8000), 8000, promised=promised)
        source, samples = decoded(path)
        damage = source.damage()
        assert len(samples) == 24_000
        assert damage is not None and damage.decoded_ms == 3000
        assert damage.expected_ms is not None and damage.expected_ms > 200_000_000


def test_flipped_bytes_in_flac_do_not_pass_as_sound(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.flac", tones(10, 16_000), 16_000, "flac")
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 40):
        data[at] ^= 0x5A
    path.write_bytes(data)
    source, samples = decoded(path)
    damage = source.damage()
    assert damage is not None and 9000 < damage.decoded_ms < 10_000
    assert np.abs(samples).max() < 8000


def test_a_lost_ogg_page_is_damage_and_what_follows_keeps_its_time(tmp_path: Path) -> None:
    samples = tones(12, 16_000)
    samples[: 8 * 16_000] = 0  # the tone starts at 8 s
    path = encode(tmp_path / "a.opus", samples, 16_000, "libopus", options={"page_duration": "1000000"})
    data = path.read_bytes()
    pages = [at for at in range(len(data)) if data[at : at + 4] == b"OggS"]
    path.write_bytes(data[: pages[4]] + data[pages[6] :])
    source, heard = decoded(path)
    damage = source.damage()
    assert damage is not None and damage.expected_ms is not None
    assert abs(damage.expected_ms - 12_000) < 50 and damage.decoded_ms < 11_500
    onset_ms = int(np.argmax(np.abs(heard[:, 0]) > 2000)) / 16
    assert abs(onset_ms - 8000) < 100


def test_estimates_of_variable_bit_rates_are_no_promise(tmp_path: Path) -> None:
    quiet, loud = np.zeros((16_000 * 20, 1), np.int16), tones(5, 16_000)
    noise = np.random.default_rng(1).normal(0, 6000, (16_000 * 5, 1)).astype(np.int16)
    samples = np.concatenate([noise, quiet, loud])
    for name, codec, container, options in (
        ("a.aac", "aac", "adts", {}),
        ("b.mp3", "libmp3lame", "mp3", {"q": "4", "write_xing": "0"}),
        ("c.amr", "libopencore_amrnb", "amr", {}),
    ):
        rate_hz = 8000 if container == "amr" else 16_000
        path = encode(tmp_path / name, samples, rate_hz, codec, container, options=options)
        source, _ = decoded(path)
        assert source.damage() is None, name


def test_tags_and_trailing_bytes_are_no_damage(tmp_path: Path) -> None:
    mp3 = encode(tmp_path / "a.mp3", tones(5, 16_000), 16_000, "libmp3lame")
    mp3.write_bytes(mp3.read_bytes() + b"TAG" + b"x" * 125)
    assert decoded(mp3)[0].damage() is None
    plain = pcm_wav(tmp_path / "a.wav", tones(5, 8000), 8000)
    plain.write_bytes(plain.read_bytes() + b"LIST\x04\x00\x00\x00INFO" + bytes(50))
    assert decoded(plain)[0].damage() is None


@pytest.mark.parametrize("content", [b"RIFF\x10\x00\x00\x00WAVE", b"fLaC" + bytes(60), b"OggS\x00\x02" + bytes(90)])
def test_a_header_without_audio_fails_with_a_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    with pytest.raises(errors.DecodeFailed) as failed:
        decoded(path)
    assert failed.value.code == "decode_error"


def test_a_video_without_sound_has_no_audio_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for at in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), at * 40, np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with pytest.raises(errors.DecodeFailed) as failed:
        decoded(path)
    assert failed.value.code == "no_audio_stream"


def test_a_playlist_opens_nothing_else(tmp_path: Path) -> None:
    """Sniffing refuses these; the decoder would refuse them too if somebody called it with a wrong media type."""
    secret = pcm_wav(tmp_path / "secret.wav", tones(1, 8000), 8000)
    for name, text in (
        ("list.m3u8", f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n"),
        ("list.txt", f"ffconcat version 1.0\nfile '{secret}'\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(errors.DecodeFailed):
            SourceAudio(tmp_path / name, records.Recording(sha256="0", media_type="audio/wav", size_bytes=1))
