"""The verbs of the command line that have a file of their own; cli.py gathers them.

Only click is imported when one of these files is: what a verb needs, it imports when it runs.
"""
