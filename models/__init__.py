"""Machine learning only: waveforms and strings in; words, turns and scores out. Knows no call and no law."""
