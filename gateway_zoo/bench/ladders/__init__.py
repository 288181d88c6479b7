"""The ladders, one file each (bench/ladder.py). What their servers run is in programs/."""
