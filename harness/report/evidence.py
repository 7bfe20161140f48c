"""Evidence: named bytes that Allure receives and that a run's directory keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finished attachment.

    Parameters
    ----------
    name
        File name with its extension, e.g. ``matches.csv``.
    media_type
        IANA media type, e.g. ``text/csv``.
    data
        The bytes as they are written.
    """

    name: str
    media_type: str
    data: bytes
