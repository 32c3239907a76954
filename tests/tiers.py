"""What ``make test`` leaves to ``make test-all``, and which tests share a process: all tables are here.

A test is in the first tier unless it is told here to take long. Nothing is dropped: what is left out is
marked ``full``, and ``.ci/run`` runs it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import graph_models


def _no_heading(_: Any) -> Hashable:
    return None


@dataclass(frozen=True)
class Table:
    """Tests that take many cases; of each group the first case is in the first tier, in all its variants.

    Attributes:
        parameter: names the case.
        tests: those of the file that are meant; none: all that have the parameter.
        group: of a case.
        apart: cases share nothing, so each may run in a process of its own.
    """

    parameter: str
    tests: Sequence[str] = ()
    group: Callable[[Any], Hashable] = _no_heading
    apart: bool = False

    def has(self, test: str, parameters: Mapping[str, Any]) -> bool:
        return self.parameter in parameters and (not self.tests or test in self.tests)


TABLES: Mapping[str, Sequence[Table]] = {
    "test_conformance.py": [
        # headings as in docs/support.md
        Table("case", group=lambda case: graph_models.CASES[case].group, apart=True),
        Table("name", ["test_every_weight_is_stored_in_its_precision"]),
    ],
    "test_export.py": [Table("case", apart=True)],
    "test_benchmarks.py": [Table("name", ["test_a_route_answers_as_keras_does"])],
    "test_bundle.py": [Table("error", ["test_an_export_that_is_ended_leaves_things_as_they_were"])],
    "test_examples.py": [
        Table("case", ["test_an_example_runs_to_its_end"]),
        Table("name", ["test_missing_data_are_named"]),
    ],
    "test_fused.py": [Table("name", ["test_answers_as_keras_in_any_order"])],
    "test_golden_examples.py": [
        Table(
            "kind",
            [
                "test_every_bundle_is_as_its_schema_says",
                "test_a_whole_bundle_passes",
                "test_the_page_checks_a_bundle_of_arrays",
            ],
        ),
        Table("name", ["test_what_is_wrong_is_noticed"]),
    ],
    "test_hostile_models.py": [
        Table("name", [test])
        for test in (
            "test_archives",
            "test_attributes_of_other_kinds",
            "test_configurations",
            "test_saved_models",
            "test_inspecting_takes_little_memory",
        )
    ],
    "test_keras_files.py": [
        Table(
            "name",
            ["test_files_of_keras2_answer_as_it_did", "test_exported_they_answer_as_keras2_did"],
        ),
        Table("number", ["test_names_that_only_keras_takes"]),
    ],
    "test_latency.py": [Table("variant", ["test_a_fresh_process_starts_the_file"])],
    "test_mediapipe.py": [Table("name", ["test_answers_as_keras", "test_ids_are_keras_own"])],
    "test_obstacles.py": [
        Table(
            "name",
            ["test_what_is_in_the_way_of_one_way_goes_the_other", "test_and_in_every_variant"],
        )
    ],
    "test_operations.py": [
        Table("group"),
        Table("name", ["test_what_a_format_has_no_form_for_is_refused_by_name"]),
    ],
    "test_own_scale.py": [Table("name", ["test_every_column_is_right_in_every_file"], apart=True)],
    "test_own_classes.py": [
        Table("name", ["test_files_answer_as_the_keras_that_wrote_them"]),
        Table("name", ["test_live_models_in_code"]),
    ],
    "test_preprocessing.py": [Table("name", ["test_zeros_are_ids_wherever_they_stand"])],
    "test_quantised.py": [
        Table("make"),
        Table("mode", ["test_exported_and_said"], group=lambda mode: mode),
        Table("suffix", ["test_files_that_keras_cannot_read_again"]),
    ],
    "test_runners.py": [Table("variant", ["test_predicting_needs_one_runtime_and_nothing_heavy"])],
    "test_saved_graphs.py": [Table("name", ["test_a_graph_answers_as_tensorflow"])],
    # the first: the shipped texts and few choices
    "test_settings_grid.py": [Table("source")],
    "test_ssh.py": [Table("why", ["test_a_board_that_answers_wrongly"])],
    "test_streaming.py": [Table("name", ["test_any_chunks_answer_as_the_whole"])],
    "test_structure.py": [
        Table("variant", ["test_an_exported_file"]),
        Table("kind", ["test_damage_anywhere_is_an_input_error"]),
    ],
    "test_tensors.py": [
        Table(
            "name",
            [
                "test_export_writes_a_bundle_of_tensors",
                "test_verify_and_bench_and_report",
                "test_layers_that_prepare_readings",
                "test_ids_without_a_vocabulary_are_arrays",
                "test_inputs_are_drawn_and_taken_of_lengths_apart",
                "test_values_that_are_no_numbers_are_taken_where_keras_takes_them",
            ],
        ),
        Table("form", ["test_readings_in_and_units_out"]),
        Table("case", ["test_scaling_of_other_models"]),
        Table("most", ["test_a_classifier_of_texts_of_any_kind"]),
    ],
    "test_web_demo.py": [
        Table("text", ["test_a_typed_text_gets_pythons_verdict_word_by_word"]),
    ],
}
"""The long tables by test file."""

LONG: Mapping[str, Sequence[str]] = {
    "test_hostile_data.py": ["test_many_long_texts_are_answered_in_little_memory"],
    "test_web.py": [
        "test_pads_behind_in_every_runtime",
        "test_the_golden_vectors_of_the_shipped_model",
    ],
    "test_tensors.py": ["test_verify_by_targets"],
    "test_hostile_bundles.py": ["test_names_do_not_act_on_a_terminal"],
    "test_conformance.py": ["test_long_sequences_of_zeros_are_no_constants"],
    "test_adb.py": ["test_a_free_length_with_pads_in_front"],
    "test_benchmarks.py": [
        "test_every_idea_answers_as_keras",
        "test_a_run",
        "test_a_route_that_is_not_keras_is_not_timed",
        "test_what_was_measured_outlives_a_failed_start",
    ],
    "test_bundle.py": ["test_verify_on_more_than_a_window"],
    "test_fuzz.py": ["test_the_corpus_of_what_needs_tensorflow", "test_changes"],
    "test_mediapipe.py": ["test_real_reviews"],
    "test_browser_bench.py": [
        "test_every_variant_is_held_against_keras",
        "test_a_model_without_text",
        "test_a_file_of_texts_is_not_timed_on_ids",
        "test_a_file_that_does_not_load_is_told",
        "test_a_variant_outside_its_tolerance_is_code_1",
        "test_a_second_browser_is_refused",
        "test_a_network_that_is_gone_for_a_moment_costs_nothing",
        "test_a_network_that_stays_away_ends_it_on_both_sides",
        "test_a_browser_that_falls_silent",
        "test_a_browser_that_is_killed",
        "test_a_command_that_is_stopped",
        "test_a_page_that_is_closed",
        "test_a_page_that_is_left",
        "test_every_variant_is_timed",
    ],
    "test_endurance.py": [
        "test_memory_stays_and_so_does_the_first_answer",
        "test_a_long_stream_stays_at_the_equations",
        "test_odd_states_are_answered_by_the_equations",
        "test_the_whole_of_many_threads",
        "test_the_whole_of_long_runs",
        "test_many_threads_are_counted_and_timed",
    ],
    "test_saved_graphs.py": ["test_it_is_verified_on_data"],
    "test_own_classes.py": ["test_from_the_command_line"],
    "test_cli.py": [
        "test_the_demo_does_everything_and_can_be_repeated",
        "test_train_prints_the_notebook_s_samples",
        "test_where_one_runtime_is_installed_its_variants_are_run_and_the_others_named",
        "test_a_terminated_run_keeps_its_last_epoch_and_resumes",
        "test_where_keras_is_not_imported_yet_it_runs_on_tensorflow",
        "test_renamed_labels_are_found_again_by_their_raw_values",
    ],
    "test_keras_files.py": ["test_streams_of_such_names"],
    "test_golden_examples.py": [
        "test_the_examples_judge_as_verify_does",
        "test_what_may_be_absent_is_not_needed",
    ],
    "test_preprocessing.py": [
        "test_a_model_of_texts_is_exported_with_its_vocabulary",
        "test_a_model_padded_behind_is_told_and_then_right",
        "test_a_stream_of_a_model_padded_behind",
        "test_examples_find_what_training_did",
        "test_flips_are_written_with_their_texts",
        "test_verify_holds_labels_and_settings_to_sense",
        "test_where_pads_on_either_side_are_skipped_zeros_behind_are_none",
        "test_spam_padded_behind_is_as_accurate_in_every_file",
        "test_labels_compare_accuracies",
    ],
    "test_settings_grid.py": [
        "test_the_example_in_kotlin",
        "test_the_graph_of_an_onnx_file",
        "test_mediapipe",
    ],
    "test_targets.py": [
        "test_litert_js_takes_classifiers_of_other_layers",
        "test_step_models_stand_beside_the_files_of_a_classifier",
    ],
    "test_threads.py": ["test_every_variant_is_asked"],
    "test_faults.py": ["test_an_export_to_a_disk_that_fills_up"],
    "test_train.py": [
        "test_three_classes",
        "test_a_resumed_run_is_the_whole_run",
        "test_a_run_that_was_killed_in_its_first_epoch_goes_on",
    ],
    "test_web_demo.py": [
        "test_what_is_read_aloud_waits_for_the_verdict",
        "test_every_choice_answers_and_is_checked",
        "test_the_reference_model",
        "test_fits_and_can_be_read_by_everybody",
        "test_a_folder_that_any_server_serves",
        "test_every_variant_of_arrays_is_checked",
        "test_a_stream_is_fed_from_its_first_step_to_its_last",
        "test_first_ids_and_pads_behind",
    ],
}
"""Single tests that take many seconds, by test file."""

EARLY = (
    "web",
    "test_golden_examples.py",
    "test_cli.py",
    "test_web_demo.py",
    "test_keras_files.py",
)
"""Names of process groups that take longest: they begin first, lest a process ends alone with one."""


class Tiers:
    """Says of one test after the other whether the first tier leaves it out."""

    def __init__(self) -> None:
        self._first: dict[Hashable, Any] = {}

    def is_full(self, file: str, test: str, parameters: Mapping[str, Any]) -> bool:
        if test in LONG.get(file, ()):
            return True
        for table in TABLES.get(file, ()):
            if table.has(test, parameters):
                case = parameters[table.parameter]
                first = self._first.setdefault((file, test, table.group(case)), case)
                return bool(first != case)
        return False


def process_group(file: str, parameters: Mapping[str, Any]) -> str:
    """What tests run in one process with this one: those of its case or, as a rule, of its file."""
    for table in TABLES.get(file, ()):
        if table.apart and table.parameter in parameters:
            return f"{file} {parameters[table.parameter]}"
    return file


def turn(group: str) -> int:
    """When a group begins: the longest first, single cases last, which fill what is left."""
    if group in EARLY:
        return EARLY.index(group)
    return len(EARLY) + (" " in group)
