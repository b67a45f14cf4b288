-- Lowest and highest values from six hours before to one day after ICU admission.
with
    enzyme as (
        select
            max(subject_id) as subject_id,
            max(charttime) as charttime,
            max(value_num) filter (itemid = 50861) as alt,
            max(value_num) filter (itemid = 50863) as alp,
            max(value_num) filter (itemid = 50878) as ast,
            max(value_num) filter (itemid = 50867) as amylase,
            max(value_num) filter (itemid = 50885) as bilirubin_total,
            max(value_num) filter (itemid = 50883) as bilirubin_direct,
            max(value_num) filter (itemid = 50884) as bilirubin_indirect,
            max(value_num) filter (itemid = 50910) as ck_cpk,
            max(value_num) filter (itemid = 50911) as ck_mb,
            max(value_num) filter (itemid = 50927) as ggt,
            max(value_num) filter (itemid = 50954) as ld_ldh
        from lab
        where value_num > 0 and itemid in (50861, 50863, 50878, 50867, 50885, 50883, 50884, 50910, 50911, 50927, 50954)
        group by specimen_id
    ),

    -- absolute counts where the laboratory gives them, else from the share of the leukocytes
    counted as (
        select
            max(subject_id) as subject_id,
            max(charttime) as charttime,
            max(value_num) filter (itemid in (51300, 51301, 51755)) as wbc,
            max(value_num) filter (itemid = 52069) as basophils_abs,
            max(case itemid when 52073 then value_num when 51199 then value_num / 1000 end) as eosinophils_abs,
            max(case itemid when 51133 then value_num when 52769 then value_num / 1000 end) as lymphocytes_abs,
            max(case itemid when 52074 then value_num when 51253 then value_num / 1000 end) as monocytes_abs,
            max(value_num) filter (itemid = 52075) as neutrophils_abs,
            max(value_num) filter (itemid = 51146) as basophils,
            max(value_num) filter (itemid = 51200) as eosinophils,
            max(value_num) filter (itemid in (51244, 51245)) as lymphocytes,
            max(value_num) filter (itemid = 51254) as monocytes,
            max(value_num) filter (itemid = 51256) as neutrophils,
            max(value_num) filter (itemid = 51143) as atyps,
            max(value_num) filter (itemid = 51144) as bands,
            max(value_num) filter (itemid = 52135) as imm_granulocytes,
            max(value_num) filter (itemid = 51251) as metas,
            max(value_num) filter (itemid = 51257) as nrbc,
            sum(value_num) filter (itemid in (51146, 51200, 51244, 51245, 51254, 51256)) > 0 as has_shares
        from lab
        where
            value_num >= 0
            and itemid in (
                51133, 51143, 51144, 51146, 51199, 51200, 51218, 51244, 51245, 51251, 51253, 51254,
                51256, 51257, 51300, 51301, 51755, 52069, 52073, 52074, 52075, 52135, 52769
            )
        group by specimen_id
    ),

    differential as (
        select
            subject_id,
            charttime,
            round(coalesce(basophils_abs, case when wbc > 0 and has_shares then basophils * wbc / 100 end), 4) as abs_basophils,
            round(coalesce(eosinophils_abs, case when wbc > 0 and has_shares then eosinophils * wbc / 100 end), 4) as abs_eosinophils,
            round(coalesce(lymphocytes_abs, case when wbc > 0 and has_shares then lymphocytes * wbc / 100 end), 4) as abs_lymphocytes,
            round(coalesce(monocytes_abs, case when wbc > 0 and has_shares then monocytes * wbc / 100 end), 4) as abs_monocytes,
            round(coalesce(neutrophils_abs, case when wbc > 0 and has_shares then neutrophils * wbc / 100 end), 4) as abs_neutrophils,
            atyps,
            bands,
            imm_granulocytes,
            metas,
            nrbc
        from counted
    )

select
    stay.subject_id,
    stay.stay_id,
    min(blood.hematocrit) as hematocrit_min,
    max(blood.hematocrit) as hematocrit_max,
    min(blood.hemoglobin) as hemoglobin_min,
    max(blood.hemoglobin) as hemoglobin_max,
    min(blood.platelet) as platelets_min,
    max(blood.platelet) as platelets_max,
    min(blood.wbc) as wbc_min,
    max(blood.wbc) as wbc_max,
    min(chem.albumin) as albumin_min,
    max(chem.albumin) as albumin_max,
    min(chem.globulin) as globulin_min,
    max(chem.globulin) as globulin_max,
    min(chem.total_protein) as total_protein_min,
    max(chem.total_protein) as total_protein_max,
    min(chem.aniongap) as aniongap_min,
    max(chem.aniongap) as aniongap_max,
    min(chem.bicarbonate) as bicarbonate_min,
    max(chem.bicarbonate) as bicarbonate_max,
    min(chem.bun) as bun_min,
    max(chem.bun) as bun_max,
    min(chem.calcium) as calcium_min,
    max(chem.calcium) as calcium_max,
    min(chem.chloride) as chloride_min,
    max(chem.chloride) as chloride_max,
    min(chem.creatinine) as creatinine_min,
    max(chem.creatinine) as creatinine_max,
    min(chem.glucose) as glucose_min,
    max(chem.glucose) as glucose_max,
    min(chem.sodium) as sodium_min,
    max(chem.sodium) as sodium_max,
    min(chem.potassium) as potassium_min,
    max(chem.potassium) as potassium_max,
    min(diff.abs_basophils) as abs_basophils_min,
    max(diff.abs_basophils) as abs_basophils_max,
    min(diff.abs_eosinophils) as abs_eosinophils_min,
    max(diff.abs_eosinophils) as abs_eosinophils_max,
    min(diff.abs_lymphocytes) as abs_lymphocytes_min,
    max(diff.abs_lymphocytes) as abs_lymphocytes_max,
    min(diff.abs_monocytes) as abs_monocytes_min,
    max(diff.abs_monocytes) as abs_monocytes_max,
    min(diff.abs_neutrophils) as abs_neutrophils_min,
    max(diff.abs_neutrophils) as abs_neutrophils_max,
    min(diff.atyps) as atyps_min,
    max(diff.atyps) as atyps_max,
    min(diff.bands) as bands_min,
    max(diff.bands) as bands_max,
    min(diff.imm_granulocytes) as imm_granulocytes_min,
    max(diff.imm_granulocytes) as imm_granulocytes_max,
    min(diff.metas) as metas_min,
    max(diff.metas) as metas_max,
    min(diff.nrbc) as nrbc_min,
    max(diff.nrbc) as nrbc_max,
    min(coag.d_dimer) as d_dimer_min,
    max(coag.d_dimer) as d_dimer_max,
    min(coag.fibrinogen) as fibrinogen_min,
    max(coag.fibrinogen) as fibrinogen_max,
    min(coag.thrombin) as thrombin_min,
    max(coag.thrombin) as thrombin_max,
    min(coag.inr) as inr_min,
    max(coag.inr) as inr_max,
    min(coag.pt) as pt_min,
    max(coag.pt) as pt_max,
    min(coag.ptt) as ptt_min,
    max(coag.ptt) as ptt_max,
    min(enz.alt) as alt_min,
    max(enz.alt) as alt_max,
    min(enz.alp) as alp_min,
    max(enz.alp) as alp_max,
    min(enz.ast) as ast_min,
    max(enz.ast) as ast_max,
    min(enz.amylase) as amylase_min,
    max(enz.amylase) as amylase_max,
    min(enz.bilirubin_total) as bilirubin_total_min,
    max(enz.bilirubin_total) as bilirubin_total_max,
    min(enz.bilirubin_direct) as bilirubin_direct_min,
    max(enz.bilirubin_direct) as bilirubin_direct_max,
    min(enz.bilirubin_indirect) as bilirubin_indirect_min,
    max(enz.bilirubin_indirect) as bilirubin_indirect_max,
    min(enz.ck_cpk) as ck_cpk_min,
    max(enz.ck_cpk) as ck_cpk_max,
    min(enz.ck_mb) as ck_mb_min,
    max(enz.ck_mb) as ck_mb_max,
    min(enz.ggt) as ggt_min,
    max(enz.ggt) as ggt_max,
    min(enz.ld_ldh) as ld_ldh_min,
    max(enz.ld_ldh) as ld_ldh_max
from stay
left join complete_blood_count as blood
    on blood.subject_id = stay.subject_id
    and blood.charttime between stay.intime - interval 6 hour and stay.intime + interval 1 day
left join chemistry as chem
    on chem.subject_id = stay.subject_id
    and chem.charttime between stay.intime - interval 6 hour and stay.intime + interval 1 day
left join differential as diff
    on diff.subject_id = stay.subject_id
    and diff.charttime between stay.intime - interval 6 hour and stay.intime + interval 1 day
left join coagulation as coag
    on coag.subject_id = stay.subject_id
    and coag.charttime between stay.intime - interval 6 hour and stay.intime + interval 1 day
left join enzyme as enz
    on enz.subject_id = stay.subject_id
    and enz.charttime between stay.intime - interval 6 hour and stay.intime + interval 1 day
group by stay.subject_id, stay.stay_id
