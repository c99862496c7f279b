"""The exception by which a part of a rule says that it leaves a likelihood alone."""

from __future__ import annotations


class Refused(Exception):
    """Why a likelihood was left alone; empty where there is nothing to say."""
