with
    lines as (
        select cast(encounter_key as bigint) as stay_id, display, value_text, event_at, event_end_at
        from fact
        where
            source_table = 'mimic_iv_procedureevents'
            and code in (
                '224263', '224264', '224267', '224268', '224269', '224270', '224272', '224273',
                '224560', '225199', '225202', '225203', '225204', '225205', '225315', '225752',
                '225761', '225789', '226124', '227719', '228169', '228201', '228202', '228286'
            )
    ),

    names(label, line_type) as (
        values
            ('Arterial Line', 'Arterial'),
            ('A-Line', 'Arterial'),
            ('CCO PA Line', 'Continuous Cardiac Output PA'),
            ('CCO PAC', 'Continuous Cardiac Output PA'),
            ('Dialysis Catheter', 'Dialysis'),
            ('Dialysis Line', 'Dialysis'),
            ('Tunneled (Hickman) Line', 'Hickman'),
            ('IABP line', 'IABP'),
            ('Multi-lumen', 'Multi Lumen'),
            ('PA Catheter', 'PA'),
            ('PA line', 'PA'),
            ('PICC Line', 'PICC'),
            ('PICC line', 'PICC'),
            ('Pre-Sep Catheter', 'Pre-Sep'),
            ('Presep Catheter', 'Pre-Sep'),
            ('Trauma Line', 'Trauma'),
            ('Trauma line', 'Trauma'),
            ('TripleIntroducer', 'Triple Introducer'),
            ('Indwelling Port (PortaCath)', 'Portacath')
    )

select
    lines.stay_id,
    coalesce(names.line_type, lines.display) as line_type,
    case
        when lines.value_text in ('Left Antecub', 'Right Antecub')
        then lines.value_text || 'e'
        when regexp_matches(lines.value_text, '^(Left|Right) (Axilla|Brachial|Femoral)\.$')
        then rtrim(lines.value_text, '.')
        else lines.value_text
    end as line_site,
    lines.event_at as starttime,
    lines.event_end_at as endtime
from lines
left join names on names.label = lines.display
