"""Names: of losses, variants, tasks and gradient checks, and of the reference implementation's parameters; loads no PyTorch.

Each row of `ORIGINAL` has the name of a parameter in tnowotny/genn_eventprop, where the same setting is found here (a parameter
of the sections, or a class or function of this package), and what differs; an empty place means that the setting isn't
offered, and the remark says why.
"""

from __future__ import annotations

from typing import NamedTuple

LOSSES = (
    "sum",
    "linear",
    "exp",
    "sigmoid",
    "input",
    "average-cross-entropy",
    "max",
    "first-spike",
    "first-spike-exp",
)
"""Weighted mean voltages first, then the other losses of voltages, then those of first spikes."""
FROZEN = "sum-frozen"
"""The control: `sum`, with the hidden weights left as they were drawn."""
FALLING, INSTANT = ("linear", "exp", "sigmoid"), ("average-cross-entropy", "max")
"""Losses whose weight falls, and losses that judge single instants of the voltage."""

TASKS = {
    "yin-yang": "Yin-Yang, 60 ms",
    "yin-yang-long": "Yin-Yang, 400 ms",
    "speech": "Spoken digits",
    "radar": "Radar",
}

VARIANTS = (
    "published",
    "phantom",
    "short-trial",
    "exp",
    "recurrent",
    "two-layers",
    "varied-taus",
    "adaptive",
    "trained-taus",
    "trained-delays",
)
"""Of the network on Yin-Yang."""

PROBES = ("finite-differences", "grid", "surrogate", "shaping", "departures")
"""What is asked about gradients."""


class Renamed(NamedTuple):
    """One parameter: original name, place here (parameter, class.field or function), remark."""

    original: str
    here: str
    remark: str = ""


_RUN = "set by the run: results are cells, one file each"
_DEVICE = "belongs to the GPU simulator"

ORIGINAL = (
    Renamed("NAME", "", _RUN),
    Renamed("OUT_DIR", "", "the environment variable MSTASK_RESULTS names the folder"),
    Renamed("WRITE_TO_DISK", "", _RUN),
    Renamed("DEBUG_HIDDEN_N", "History.hidden_spikes, silent_neurons, steepest", "always collected"),
    Renamed("DT_MS", "grid.simulate: step", "hidden layers are event-exact; only the comparison has a grid"),
    Renamed("BUILD", "", _DEVICE),
    Renamed("TIMING", "Outcome.seconds", "always recorded"),
    Renamed("TRAIN_DATA_SEED", "yin_yang.SEEDS", "the published seeds"),
    Renamed("TEST_DATA_SEED", "yin_yang.SEEDS", "the published seeds"),
    Renamed("MODEL_SEED", "EventpropNet: seed"),
    Renamed("TRIAL_MS", "Architecture.trial_ms"),
    Renamed("N_MAX_SPIKE", "", "buffers grow as needed"),
    Renamed("SPK_REC_STEPS", "", "buffers grow as needed"),
    Renamed("N_BATCH", "batch_size"),
    Renamed("N_TRAIN", "samples_per_epoch", "limits what an epoch draws; the split is the data set's"),
    Renamed("N_VALIDATE", "tasks.YIN_YANG_SIZES", "speech and radar keep the split of mstask.data"),
    Renamed("N_TEST", "tasks.YIN_YANG_SIZES", "speech and radar keep the split of mstask.data"),
    Renamed("N_EPOCHS", "max_epochs", "N_EPOCH in the code"),
    Renamed("SHUFFLE", "", "training trials are always shuffled"),
    Renamed("NUM_HIDDEN", "Architecture.hidden", "one width per layer"),
    Renamed("N_HID_LAYER", "Architecture.hidden", "one width per layer"),
    Renamed("RECURRENT", "Architecture.recurrent"),
    Renamed("TAU_SYN", "tau_synapse"),
    Renamed("TAU_MEM", "tau_membrane"),
    Renamed("V_THRESH", "threshold"),
    Renamed("V_RESET", "Architecture.reset"),
    Renamed("HIDDEN_NEURON_TYPE", "Architecture.neuron"),
    Renamed("OUTPUT_NEURON_TYPE", "Architecture.readout"),
    Renamed("TAU_B", "Architecture.tau_adaptation"),
    Renamed("B_INCR", "Architecture.adaptation"),
    Renamed("B_INIT", "Architecture.initial_adaptation"),
    Renamed("INPUT_HIDDEN_MEAN", "Architecture.input_weights.mean"),
    Renamed("INPUT_HIDDEN_STD", "Architecture.input_weights.sd"),
    Renamed("HIDDEN_OUTPUT_MEAN", "Architecture.output_weights.mean"),
    Renamed("HIDDEN_OUTPUT_STD", "Architecture.output_weights.sd"),
    Renamed("HIDDEN_HIDDEN_MEAN", "Architecture.recurrent_weights.mean"),
    Renamed("HIDDEN_HIDDEN_STD", "Architecture.recurrent_weights.sd"),
    Renamed("HIDDEN_HIDDENFWD_MEAN", "Architecture.hidden_weights.mean"),
    Renamed("HIDDEN_HIDDENFWD_STD", "Architecture.hidden_weights.sd"),
    Renamed("PDROP_INPUT", "drop_input"),
    Renamed("PDROP_HIDDEN", "drop_hidden", "drops the spike on its way; the original only delays it by a step"),
    Renamed("HIDDEN_NOISE", "", "noise per step has no meaning between events; found harmful"),
    Renamed("REG_TYPE", "Recipe.regularisation", "None, or its strengths"),
    Renamed("LBD_UPPER", "too_many", "multiply by tau_m: the original's loss forces are that much smaller"),
    Renamed("LBD_LOWER", "too_few", "multiply by tau_m: the original's loss forces are that much smaller"),
    Renamed("NU_UPPER", "spikes_target"),
    Renamed("RHO_UPPER", "layer_target"),
    Renamed("GLB_UPPER", "layer_strength", "multiply by tau_m; the original's final code can't run"),
    Renamed("AVG_SNSUM", "batch_mean"),
    Renamed("REWIRE_SILENT", "rewire"),
    Renamed("REWIRE_LIFT", "lift", "silent neurons only, as documented; the original lifts all weights"),
    Renamed("TAU_0", "Constants.softmax_ms"),
    Renamed("TAU_1", "Constants.late_ms"),
    Renamed("ALPHA", "Constants.late_cost"),
    Renamed("TAU_ACCUMULATOR", "Constants.input_ms"),
    Renamed("ETA", "Recipe.learning_rate"),
    Renamed("ADAM_BETA1", "Recipe.adam[0]"),
    Renamed("ADAM_BETA2", "Recipe.adam[1]"),
    Renamed("ADAM_EPS", "Recipe.adam[2]"),
    Renamed("ETA_DECAY", "Schedule.decay"),
    Renamed("LR_EASE_IN_FACTOR", "ease_in"),
    Renamed("EMA_ALPHA1", "ema_fast"),
    Renamed("EMA_ALPHA2", "ema_slow"),
    Renamed("EMA_WHICH", "select"),
    Renamed("ETA_FAC", "plateau_factor"),
    Renamed("MIN_EPOCH_ETA_FIXED", "plateau_wait"),
    Renamed("TRAIN_TAU", "Recipe.trains: 'taus'"),
    Renamed("TRAIN_TAU_OUTPUT", "Recipe.trains: 'readout taus'", "with every loss of voltages"),
    Renamed("MIN_TAU_M", "Architecture.shortest_membrane"),
    Renamed("MIN_TAU_SYN", "Architecture.shortest_synapse"),
    Renamed("TRAIN_W", "Recipe.trains: 'hidden'"),
    Renamed("TRAIN_W_OUTPUT", "Recipe.trains: 'readout'"),
    Renamed("REC_SPIKES", "record: spikes"),
    Renamed("REC_NEURONS", "record: voltages", "hidden traces: recording.membrane_trace"),
    Renamed("REC_SYNAPSES", "record: parameters"),
    Renamed("REC_SPIKES_EPOCH_TRIAL", "record_at", "pairs of epoch and batch"),
    Renamed("REC_NEURONS_EPOCH_TRIAL", "record_at", "pairs of epoch and batch"),
    Renamed("REC_SYNAPSES_EPOCH_TRIAL", "record_at", "pairs of epoch and batch"),
    Renamed("W_OUTPUT_EPOCH_TRIAL", "record_at", "pairs of epoch and batch"),
    Renamed("TAU_OUTPUT_EPOCH_TRIAL", "record_at", "pairs of epoch and batch"),
    Renamed("W_REPORT_INTERVAL", "record_at", "pairs of epoch and batch"),
    Renamed("W_EPOCH_INTERVAL", "record_at", "pairs of epoch and batch"),
    Renamed("LOAD_LAST", "train: checkpoint", "an existing checkpoint of the same run is continued"),
    Renamed("LOAD_BEST", "train: checkpoint", "the network ends with the selected epoch's parameters"),
    Renamed("CHECKPOINT", "train: checkpoint"),
    Renamed("CHECKPOINT_BEST", "select"),
    Renamed("TRAINING_PLOT", "", "the notebook plots"),
    Renamed("TRAINING_PLOT_INTERVAL", "", "the notebook plots"),
    Renamed("FANCY_PLOTS", "", "the notebook plots"),
    Renamed("LOSS_TYPE", "Recipe.loss"),
    Renamed("EVALUATION", "speakers_left", "otherwise the data set's own split"),
    Renamed("SPEAKER_LEFT", "speakers_left", "any number of them"),
    Renamed("CUDA_VISIBLE_DEVICES", "", _DEVICE),
    Renamed("REDUCED_CLASSES", "events.Spikes.take", "choose the rows"),
    Renamed("AUGMENTATION random_shift", "shift"),
    Renamed("AUGMENTATION random_dilate", "dilate"),
    Renamed("AUGMENTATION ID_jitter", "jitter"),
    Renamed("AUGMENTATION blend", "blend, blend_factor"),
    Renamed("NORMALISE_SPIKE_NUMBER", "equal_spikes"),
    Renamed("N_INPUT_DELAY", "delay_copies"),
    Renamed("INPUT_DELAY", "delay_ms"),
    Renamed("COLLECT_CONFUSION", "training.confusion", "of the test part, in every cell"),
    Renamed("REC_PREDICTIONS", "Tested.predictions", "of the test part, in every cell"),
    Renamed("DATA_SET", "tasks.TASKS"),
    Renamed("RESCALE_T", "", "inputs keep their times"),
    Renamed("RESCALE_X", "", "inputs keep their channels"),
    Renamed("BALANCE_TRAIN_CLASSES", "", "the embedded sets are balanced"),
    Renamed("BALANCE_EVAL_CLASSES", "", "macro-F1 counts classes equally"),
)

LOSS_NAMES = {
    "sum": "sum",
    "sum_weigh_linear": "linear",
    "sum_weigh_exp": "exp",
    "sum_weigh_sigmoid": "sigmoid",
    "sum_weigh_input": "input",
    "avg_xentropy": "average-cross-entropy",
    "max": "max",
    "first_spike": "first-spike",
    "first_spike_exp": "first-spike-exp",
}
"""Original LOSS_TYPE to the name of the loss here."""
