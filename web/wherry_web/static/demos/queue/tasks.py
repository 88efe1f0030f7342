"""Counts primes, a stretch of numbers at a time."""

from math import isqrt

from wherry import task

STRETCH = 3_000_000


@task(name="primes.count")
def count_primes(start: int) -> int:
    """How many primes lie in the stretch that begins here.  It computes, and the page never notices."""
    end = start + STRETCH
    is_prime = bytearray([1]) * STRETCH
    for number in range(max(0, 2 - start)):
        is_prime[number] = 0
    for prime in small_primes(isqrt(end)):
        first = max(prime * prime, -(-start // prime) * prime) - start
        is_prime[first::prime] = bytes(len(range(first, STRETCH, prime)))
    return sum(is_prime)


def small_primes(most: int) -> list[int]:
    return [
        number
        for number in range(2, most + 1)
        if all(number % other for other in range(2, isqrt(number) + 1))
    ]
