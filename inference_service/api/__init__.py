"""REST, live view and dashboard behind one guard; `create_app` wires them."""
