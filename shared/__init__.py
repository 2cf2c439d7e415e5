"""What the three AtomLoop services have in common: words, wire, geometry, files.

`shared` imports none of the services. Layers, from the top: ``transport`` (the only importer of
zmq), ``protocol`` and ``codec`` and ``files`` and ``lattice``, ``messages``, then ``units``,
``errors`` and ``clock``.
"""
