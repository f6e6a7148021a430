"""Takes frames out of one audio stream, however damaged: what can't be read is skipped and counted.

Knows no header promises and no sample formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av

_READ_FAILURES_IN_A_ROW = 16


class PacketReader:
    """Iterates the frames of `stream`, a PyAV audio stream of `container`.

    `lost` counts packets that gave no sound; `lost_within` is true once sound followed a loss, so that it was no mere
    rubbish at the end.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        self._container = container
        self._stream = stream
        context = stream.codec_context
        self._decoder = context
        self._as_new = (context.codec.name, context.extradata, context.sample_rate, context.layout.name)
        self._channels: int | None = None
        self._doubtful = self._fresh = False
        self.lost = 0
        self.lost_within = False

    def __iter__(self) -> Iterator[Any]:
        for packet in self._packets():
            try:
                frames = self._decoder.decode(packet)
            except (av.error.FFmpegError, ValueError):
                self.lost += 1
                self._doubtful, self._fresh = True, False
                continue
            self.lost += bool(packet.is_corrupt)
            yield from self._believable(frames)
        try:
            yield from self._believable(self._decoder.decode(None))
        except (av.error.FFmpegError, ValueError):
            self.lost += 1

    def _packets(self) -> Iterator[Any]:
        failures = 0
        while failures < _READ_FAILURES_IN_A_ROW:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    if packet.size:  # an empty one would end the decoder before the file ends
                        yield packet
                return
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                failures += 1
                self.lost += 1

    def _believable(self, frames: list[Any]) -> Iterator[Any]:
        for frame in frames:
            if not frame.samples or not frame.sample_rate:
                continue
            channels = frame.layout.nb_channels
            if self._channels not in (None, channels) and (self._doubtful or channels > 2) and not self._fresh:
                # Damage can teach an AAC decoder 17 channels, and good packets do not unteach it.
                self._restart()
                self.lost += 1
                return
            self._channels = channels
            self._doubtful = self._fresh = False
            self.lost_within |= self.lost > 0
            yield frame

    def _restart(self) -> None:
        name, extradata, rate_hz, layout = self._as_new
        self._decoder = av.CodecContext.create(name, "r")
        self._decoder.extradata = extradata
        self._decoder.sample_rate = rate_hz
        self._decoder.layout = layout
        self._doubtful, self._fresh = False, True
