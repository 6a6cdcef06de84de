"""What a process holds: resident memory and open files, over time."""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, median


@dataclass
class Gauge:
    """One process by its id; ``look`` again and again, with the seconds of any one clock."""

    pid: int
    seconds: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)  # MB
    files: list[int] = field(default_factory=list)

    def look(self, seconds: float) -> None:
        folder = Path(f"/proc/{self.pid}")
        pages = int((folder / "statm").read_text().split()[1])
        self.seconds.append(seconds)
        self.resident.append(pages * 4096 / 1e6)
        self.files.append(sum(1 for _ in (folder / "fd").iterdir()))

    @property
    def slope(self) -> float:
        """MB an hour, by least squares over the last half: what is loaded late is no leak."""
        half = len(self.seconds) // 2
        return linear_regression(self.seconds[half:], self.resident[half:]).slope * 3600

    @property
    def more_files(self) -> float:
        """How many more files are open in the last third of the looks than in the first."""
        third = max(len(self.files) // 3, 1)
        return median(self.files[-third:]) - median(self.files[:third])

    def __str__(self) -> str:
        return (
            f"{median(self.resident):.0f} MB {self.slope:+.1f} MB/h,"
            f" {median(self.files):.0f} files {self.more_files:+.0f}"
        )
