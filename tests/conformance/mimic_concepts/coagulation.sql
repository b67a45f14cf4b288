select * from coagulation
