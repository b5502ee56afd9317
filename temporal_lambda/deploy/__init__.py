"""From a developer's machine or CI to AWS: packages, deploys and checks a function.

Nothing in here is imported inside the function; the commands of ``temporal-lambda`` are its face.
"""
