-- The state of a person at `valid_at` as it was known at `known_at`: one row per variable.
create or replace macro core.twin_state_at(person, valid_at, known_at) as table
select
    state.organ_system,
    state.variable,
    state.value_num,
    state.value_text,
    state.unit,
    state.basis,
    state.valid_from,
    state.known_from,
    state.inputs
from core.twin_state as state
where
    state.person_id = person
    and state.valid_from <= valid_at
    and state.known_from <= known_at
    and (state.known_to is null or state.known_to > known_at)
qualify
    row_number() over (
        partition by state.variable
        order by
            -- of a diagnosis the onset counts, of a measurement the newest value
            case when state.basis in ('diagnosed', 'phenotype') then state.valid_from end,
            state.valid_from desc,
            state.known_from desc,
            state.inputs
    )
    = 1
order by state.organ_system, state.variable
