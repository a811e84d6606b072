"""The link: framed, checked, resumable sessions over a byte stream."""

from qrig.link.session import Session, open_session

__all__ = ["Session", "open_session"]
