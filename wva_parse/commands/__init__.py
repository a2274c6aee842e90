"""What people and scripts call, beside the commands that plan a run: each module holds one command, or a few alike.

`__main__` imports the one that is called, so that none waits for what only another one needs.
"""
