"""The analysis of the RECAST lesson: ZH -> ll bb in generated events, from events to a limit.

`generate` makes the inputs, `skim` selects events of signal, `limit` compares the scaled signal with
background and data.
"""
