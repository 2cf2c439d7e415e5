"""The embedded database: a small server that speaks MongoDB's wire protocol.

It serves where no MongoDB is installed. Clients use plain pymongo by URI, so a real MongoDB takes
its place by its URI alone; `conformance` refuses servers, of whichever make, on which FireWorks
would launch work twice.
"""
