select * from chemistry
