"""Lines of jobs with one ordering key, inside a transaction of the memory storage's book."""

from __future__ import annotations

from wherry.storage.memory_book import Book, Entry


def line_up(book: Book, entry: Entry) -> None:
    """Put a job at the end of the line of its key, behind whoever stands there."""
    key = entry.new.ordering_key
    if key is None:
        return
    ahead = book.tails.get(key)
    book.tails[key] = entry.id
    if ahead is not None:
        entry.behind = ahead
        entry.waiting_for += 1
        book.children.setdefault(ahead, []).append(entry.id)


def leave_line(book: Book, entry: Entry) -> None:
    """An ended job is the end of the line no more: whoever it stands behind is, if anybody."""
    key = entry.new.ordering_key
    if key is None or book.tails.get(key) != entry.id:
        return
    if entry.behind is None:
        del book.tails[key]
    else:
        book.tails[key] = entry.behind


def close_up(book: Book, waiting: Entry, ended: Entry) -> None:
    """The next in line waits for whoever the ended one stood behind, if anybody."""
    if waiting.behind != ended.id:
        return
    waiting.behind = ended.behind
    if ended.behind is None:
        waiting.waiting_for -= 1
    else:
        book.children.setdefault(ended.behind, []).append(waiting.id)
