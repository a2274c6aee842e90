"""WVA's own arithmetic, pure in `queueing`, `saturation`, `demand` (wva_sim has the same), and the replay of a log."""
