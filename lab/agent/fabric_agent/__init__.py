"""Leaf agent: makes a Linux switch what the controller says, and tells the controller how it is.

Standard library only: it runs inside the switch. The decision what to do (`plan`) is a pure function of what is
wanted (`desired`) and what the kernel says (`observe`); nothing is remembered between rounds.
"""
