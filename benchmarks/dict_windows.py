"""Rules over windows for the plain loop, one object a rule of a slot.

Written as one would without numpy: a queue of days (or values) with running sums, to which a value
is added and from which a day that has passed is taken away. What the rules mean is said in
``server.domain.window_rules``; no line is shared with the engine. All in whole numbers.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import combinations


@dataclass(slots=True)
class Day:
    """One civil day's values."""

    day: int
    first: int
    n: int = 0
    total: int = 0
    squares: int = 0


@dataclass(slots=True)
class Sums:
    """The last ``reach`` civil days, and sums over them; times are days from the first seen."""

    reach: int
    days: deque[Day] = field(default_factory=deque)
    origin: int = 0
    n: int = 0
    total: int = 0
    squares: int = 0
    times: int = 0
    times_squared: int = 0
    crossed: int = 0

    def add(self, day: int, value: int) -> None:
        if not self.days:
            self.origin = self.origin or day
        if not self.days or self.days[-1].day < day:
            self.days.append(Day(day, value))
        today = self.days[-1]
        today.n += 1
        today.total += value
        today.squares += value * value
        self._count(day, 1, value, value * value)

    def forget(self, newest: int) -> None:
        """Take away the days that the window up to ``newest`` has left behind."""
        while self.days and self.days[0].day <= newest - self.reach:
            gone = self.days.popleft()
            self._count(gone.day, -gone.n, -gone.total, -gone.squares)

    def _count(self, day: int, n: int, total: int, squares: int) -> None:
        time = day - self.origin
        self.n += n
        self.total += total
        self.squares += squares
        self.times += time * n
        self.times_squared += time * time * n
        self.crossed += time * total

    def varied(self) -> int:
        return self.n * self.squares - self.total * self.total

    def line(self) -> tuple[int, int]:
        """Return how far the times spread, and how the values go with them."""
        spread = self.n * self.times_squared - self.times * self.times
        return spread, self.n * self.crossed - self.times * self.total


@dataclass(slots=True)
class Gain:
    """More than ``exceeds`` above the lowest first value of the 1 to ``reach`` days before."""

    reach: int
    exceeds: int
    days: dict[int, int] = field(default_factory=dict)

    def beyond(self, at: int, day: int, afternoon: bool, value: int) -> bool:
        bases = [first for one, first in self.days.items() if 1 <= day - one <= self.reach]
        if day not in self.days:
            self.days[day] = value
            if len(self.days) > self.reach + 1:
                del self.days[min(self.days)]
        return bool(bases) and value - min(bases) > self.exceeds


@dataclass(slots=True)
class Change:
    """Away from the lowest or highest value of the ``reach`` ms before, or by a share of it."""

    reach: int
    sign: int
    exceeds: int
    inclusive: int
    percent: int
    values: deque[tuple[int, int]] = field(default_factory=deque)

    def beyond(self, at: int, day: int, afternoon: bool, value: int) -> bool:
        values = self.values
        while values and values[0][0] < at - self.reach:
            values.popleft()
        found = False
        if values:
            before = [one for _, one in values]
            base = min(before) if self.sign > 0 else max(before)
            change, exceeds = self.sign * (value - base), self.exceeds
            if self.percent:
                change, exceeds = change * 100_000, exceeds * base
            found = change > exceeds - self.inclusive
        values.append((at, value))
        return found


@dataclass(slots=True)
class Crossover:
    """The mean of the short window is more than ``exceeds`` away from that of the long one."""

    short: Sums
    long: Sums
    sign: int
    exceeds: int
    inclusive: int
    least: int

    def beyond(self, at: int, day: int, afternoon: bool, value: int) -> bool:
        short, long = self.short, self.long
        for sums in (short, long):
            sums.forget(day)
            sums.add(day, value)
        gap = self.sign * (short.total * long.n - long.total * short.n)
        return long.n >= self.least and gap > self.exceeds * long.n * short.n - self.inclusive


@dataclass(slots=True)
class Baseline:
    """So many thousandths of a standard deviation off the mean of the days before its own."""

    before: Sums
    sign: int
    exceeds: int
    inclusive: int
    least: int
    today: int = 0
    values: list[int] = field(default_factory=list)

    def beyond(self, at: int, day: int, afternoon: bool, value: int) -> bool:
        before = self.before
        if day != self.today:
            for one in self.values:
                before.add(self.today, one)
            self.today, self.values = day, []
            before.forget(day - 1)
        self.values.append(value)
        off = self.sign * (before.n * value - before.total)
        if before.n < self.least or off <= 0:
            return False
        limit = self.exceeds**2 * before.n * before.varied() - self.inclusive
        return off * off * (before.n - 1) * 1_000_000 > limit


@dataclass(slots=True)
class Spread:
    """The standard deviation about the straight line of the window."""

    sums: Sums
    exceeds: int
    inclusive: int
    least: int

    def beyond(self, at: int, day: int, afternoon: bool, value: int) -> bool:
        sums = self.sums
        sums.forget(day)
        sums.add(day, value)
        if sums.n < self.least:
            return False
        spread, slope = sums.line()
        residual = sums.varied() * spread - slope * slope if spread else sums.varied()
        limit = self.exceeds**2 * sums.n * (sums.n - 2) * (spread or 1)
        return residual > limit - self.inclusive


@dataclass(slots=True)
class Slope:
    """So many thousandths a day, by the line where that is clear, else by the pairs of days."""

    sums: Sums
    sign: int
    exceeds: int
    inclusive: int
    least: int

    def beyond(self, at: int, day: int, afternoon: bool, value: int) -> bool:
        sums = self.sums
        sums.forget(day)
        sums.add(day, value)
        if len(sums.days) < self.least:
            return False
        spread, slope = sums.line()
        steep = self.sign * slope * 2000
        if steep <= self.exceeds * spread:
            return False
        return steep > 3 * self.exceeds * spread or self._most()

    def _most(self) -> bool:
        pairs = list(combinations(self.sums.days, 2))
        steeper = sum(
            self.sign * (late.first - early.first) * 1000
            > self.exceeds * (late.day - early.day) - self.inclusive
            for early, late in pairs
        )
        return steeper * 2 > len(pairs)


@dataclass(slots=True)
class Average:
    """The mean of seven days, the first of them dropped, two values of each half day."""

    sign: int
    exceeds: int
    inclusive: int
    least: int
    halves: deque[list[int]] = field(default_factory=deque)  # day, n and sum of both halves

    def beyond(self, at: int, day: int, afternoon: bool, value: int) -> bool:
        halves = self.halves
        while halves and halves[0][0] <= day - 7:
            halves.popleft()
        if not halves or halves[-1][0] != day:
            halves.append([day, 0, 0, 0, 0])
        today, place = halves[-1], 3 if afternoon else 1
        if today[place] < 2:
            today[place] += 1
            today[place + 1] += value
        n = total = 0
        for index in range(1, len(halves)):
            _, morning, morning_sum, evening, evening_sum = halves[index]
            n += morning + evening
            total += morning_sum + evening_sum
        limit = self.sign * self.exceeds * n - self.inclusive
        return n >= self.least and self.sign * total > limit
