"""AtomLoop's tasks, where FireWorks' own programs look for them (`ADD_USER_PACKAGES`).

FireWorks imports every module of such a package, so nothing else lives here.
"""
