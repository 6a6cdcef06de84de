"""The threshold and trend engine: pure, deterministic, vectorised.

``step(state, observations)`` reads the state and returns an overlay (the touched rows, by value)
with its findings; ``apply(state, overlay)`` cannot fail. What is not in order (a late
observation, a withdrawn one, a changed plan) is judged anew from the slot's whole history by
``rebuild``: so the findings in force depend on the set of observations, never on their order.
"""
