"""Finding what was said: one seam (`base`), one analyser of ours, and the engines behind the seam."""
