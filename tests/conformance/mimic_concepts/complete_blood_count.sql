select * from complete_blood_count
