"""Durations and bytes as texts with their units; the view's ``kit/js/units.js`` writes them in the same way."""


def time_text(microseconds: float) -> str:
    """Return a duration with its unit and three digits.

    Example:
        >>> time_text(0.0), time_text(0.5), time_text(1234.5), time_text(2_500_000)
        ('0 µs', '0.50 µs', '1.23 ms', '2.50 s')
    """
    return _with_unit(microseconds, ("µs", "ms", "s"))


def bytes_text(count: float) -> str:
    """Return a number of bytes with its unit and three digits.

    Example:
        >>> bytes_text(72), bytes_text(73_728)
        ('72 B', '73.7 kB')
    """
    return _with_unit(count, ("B", "kB", "MB", "GB", "TB"))


def _with_unit(value: float, units: tuple[str, ...]) -> str:
    size, unit = value, units[0]
    for larger in units[1:]:
        if abs(size) < 999.5:
            break
        size, unit = size / 1000, larger
    decimals = 2 if abs(size) < 9.995 else 1 if abs(size) < 99.95 else 0
    if unit == units[0] and value == int(value):
        decimals = 0
    return f"{size:.{decimals}f} {unit}".replace("-", "−")
