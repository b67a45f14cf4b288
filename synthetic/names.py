"""Names of the demo population, by ancestry and sex, with the nicknames that people use outside the hospital."""
# ruff: noqa: E501 -- word lists

from __future__ import annotations

_GIVEN = {
    "EUR": (
        "Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Margaret Nancy Lisa Sandra Emily Helen "
        "Catherine Deborah Ruth Anna Christina Sophie Ingrid Giulia Katarzyna Eva Fiona Siobhan Chloe Irene Olga Petra "
        "Rebecca Laura Diane Judith Frances Rosemary Charlotte Victoria",
        "James Robert John Michael William David Richard Joseph Thomas Christopher Daniel Matthew Anthony Mark Steven "
        "Andrew Kenneth Edward Benjamin Samuel Gregory Alexander Patrick Lars Pietro Stefan Viktor Liam Owen Marek Dmitri "
        "Peter Walter Harold Lawrence Raymond Frank Nicholas Timothy Zachary",
        "Smith Johnson Williams Brown Miller Davis Wilson Anderson Taylor Moore Martin Thompson White Harris Clark Lewis "
        "Walker Hall Allen Young King Wright Hill Scott Green Adams Baker Nelson Carter Mitchell Roberts Phillips Campbell "
        "Evans Turner Parker Collins Edwards Stewart Morris Murphy Cook Rogers Morgan Cooper Peterson Reed Bailey Kelly "
        "Kowalski Novak Schneider Rossi O'Connor Larsen Dubois Ivanov Papadopoulos Fischer McCarthy Bennett Wood Ross "
        "Foster Sullivan Hughes Fitzgerald Hoffmann Lindqvist Vasquez-Moore",
    ),
    "AFR": (
        "Aaliyah Imani Keisha Latoya Ebony Tamika Amara Nia Zora Denise Yolanda Chiamaka Abena Fatou Adaeze Gloria "
        "Beverly Monique Jasmine Makena Thandiwe Wanjiru Simone Ayana Precious",
        "Malik Jamal Darnell Tyrone Marcus Kwame Kofi Chidi Emeka Terrence Andre Isaiah Elijah Reginald Cedric Lamar "
        "Desmond Obinna Sekou Tunde Thabo Jabari Clarence Otis Maurice",
        "Washington Jefferson Jackson Booker Freeman Okafor Mensah Diallo Adeyemi Nwosu Owusu Abebe Banks Hayes Coleman "
        "Bryant Gaines Mosley Dorsey Boateng Kamau Ndiaye Toure Okonkwo Sesay Grant Simmons Holloway Ellis Charles",
    ),
    "EAS": (
        "Mei Li Xiu Yuki Sakura Hana Jiwoo Soojin Minji Linh Thuy Lan Ying Fang Wei-Ling Akiko Naomi Eun-Ji Hua Jing Ai "
        "Noriko Kim-Anh Yan Shu",
        "Wei Jun Hao Ming Kenji Hiroshi Takashi Minho Jisoo Seung Duc Minh Tuan Chen Feng Jian Koji Daichi Sang-Woo Bao "
        "Long Kang Ryo Tao Yong",
        "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Tanaka Suzuki Sato Watanabe Yamamoto Kim Park Choi Jung Nguyen "
        "Tran Pham Le Hoang Lin Ito Nakamura Kang Xu Sun Cho Vo",
    ),
    "SAS": (
        "Priya Ananya Lakshmi Kavita Sunita Meera Deepa Fatima Ayesha Nasreen Shanti Indira Pooja Rani Geeta Zainab Usha "
        "Radha Divya Nirmala Tahira Sana Anjali Leela Padma",
        "Raj Amit Sanjay Vijay Arjun Ravi Suresh Imran Ahmed Tariq Mohan Anil Krishna Deepak Hassan Bilal Naveen Gopal "
        "Harish Kiran Rahul Vikram Farhan Ashok Dinesh",
        "Patel Sharma Singh Kumar Gupta Reddy Iyer Nair Khan Ahmed Rahman Hussain Chowdhury Mehta Joshi Desai Banerjee "
        "Mukherjee Rao Pillai Menon Kapoor Malik Siddiqui Fernando Perera Das Bose Verma Mishra",
    ),
    "AMR": (
        "Maria Guadalupe Carmen Rosa Juana Isabel Lucia Sofia Elena Teresa Ximena Valentina Gabriela Marisol Consuelo "
        "Paloma Esperanza Yesenia Alejandra Beatriz Noemi Pilar Dolores Luz Araceli",
        "Jose Juan Luis Carlos Miguel Jorge Pedro Rafael Diego Mateo Santiago Andres Hector Ramon Javier Alejandro Emilio "
        "Ernesto Gustavo Raul Sergio Ignacio Cesar Esteban Tomas",
        "Garcia Rodriguez Martinez Hernandez Lopez Gonzalez Perez Sanchez Ramirez Torres Flores Rivera Gomez Diaz Cruz "
        "Morales Ortiz Gutierrez Chavez Ramos Ruiz Alvarez Mendoza Vasquez Castillo Jimenez Moreno Romero Herrera Medina "
        "Quispe Mamani Aguilar Vargas Castro",
    ),
}

GIVEN: dict[str, tuple[list[str], list[str]]] = {k: (v[0].split(), v[1].split()) for k, v in _GIVEN.items()}
"""Ancestry to given names of women and of men."""
FAMILY: dict[str, list[str]] = {k: v[2].split() for k, v in _GIVEN.items()}

NICKNAMES = {
    "Robert": "Bob", "William": "Bill", "Richard": "Dick", "James": "Jim", "Michael": "Mike", "Elizabeth": "Liz",
    "Margaret": "Peggy", "Patricia": "Pat", "Jennifer": "Jen", "Catherine": "Kate", "Deborah": "Debbie",
    "Christopher": "Chris", "Daniel": "Dan", "Matthew": "Matt", "Anthony": "Tony", "Steven": "Steve", "Andrew": "Andy",
    "Edward": "Ted", "Benjamin": "Ben", "Samuel": "Sam", "Alexander": "Alex", "Thomas": "Tom", "Joseph": "Joe",
    "Alejandro": "Alex", "Guadalupe": "Lupe", "Jose": "Pepe", "Francisco": "Paco", "Rebecca": "Becky", "Susan": "Sue",
    "Nicholas": "Nick", "Timothy": "Tim", "Gregory": "Greg", "Kenneth": "Ken", "Lawrence": "Larry", "Victoria": "Vicky",
    "Reginald": "Reggie", "Gabriela": "Gaby", "Isabel": "Isa", "Barbara": "Barb", "Christina": "Tina",
}  # fmt: skip

STREETS = (
    "Maple St", "Oak Ave", "Cedar Ln", "Elm St", "Washington Blvd", "Lake Rd", "Hillcrest Dr", "2nd Ave", "Park Pl",
    "River Rd", "Church St", "Mill St", "Franklin Ave", "Sunset Dr", "Highland Ave", "Walnut St", "Spruce Ct", "Main St",
)  # fmt: skip

REGIONS = (
    # region id (three-digit postal prefix), city, mean PM2.5 in ug/m3 in 2014, telephone area code
    ("130", "Fairhaven", 6.5, "315"),
    ("148", "Lakemont", 8.0, "607"),
    ("152", "Ironbridge", 14.0, "412"),
    ("070", "Port Aubrey", 18.0, "201"),
    ("021", "Westbury", 9.5, "617"),
    ("061", "Millbrook", 11.5, "860"),
)
MAIL_HOSTS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org")
