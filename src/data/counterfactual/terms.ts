/**
 * First names and terms of groups that counterfactual rewriting exchanges. Names that are also common English words (Grace, Mark, Will) are left out: a
 * rewriting should change whom a text is about, nothing else. Short on purpose: a name or term that is not here is not found, and is reported as such.
 */

/** By gender, then by where a name is common in English-language studies of names. */
export const firstNames = {
  woman: {
    european: [
      "Emily",
      "Anne",
      "Katie",
      "Allison",
      "Meredith",
      "Kristen",
      "Laura",
      "Carrie",
      "Emma",
      "Sarah",
      "Hannah",
      "Julia",
      "Megan",
      "Amanda",
    ],
    african: ["Latoya", "Ebony", "Aisha", "Lakisha", "Tamika", "Keisha", "Latonya", "Kenya", "Shanice", "Imani", "Tanisha", "Yolanda"],
    hispanic: [
      "Maria",
      "Guadalupe",
      "Juanita",
      "Lucia",
      "Valentina",
      "Camila",
      "Ximena",
      "Esperanza",
      "Mercedes",
      "Alejandra",
      "Gabriela",
      "Rosario",
    ],
    arabic: ["Fatima", "Khadija", "Maryam", "Layla", "Zainab", "Noor", "Samira", "Amina", "Yasmin", "Rania", "Hala", "Salma"],
    indian: ["Priya", "Ananya", "Lakshmi", "Divya", "Kavya", "Sunita", "Deepika", "Meera", "Pooja", "Shreya", "Nandini", "Radha"],
    chinese: ["Mei", "Xiaoling", "Yuxin", "Jingyi", "Huiling", "Lihua", "Meiling", "Yanmei", "Xiuying", "Shuang", "Qiaolian", "Ruolan"],
  },
  man: {
    european: [
      "Todd",
      "Neil",
      "Geoffrey",
      "Brett",
      "Brendan",
      "Greg",
      "Matthew",
      "Brad",
      "Jack",
      "Harry",
      "Thomas",
      "Peter",
      "Kevin",
      "David",
      "John",
      "James",
    ],
    african: ["Tyrone", "Darnell", "Jamal", "Rasheed", "Tremayne", "Kareem", "Leroy", "Jermaine", "Hakim", "DeShawn", "Terrence", "Malik"],
    hispanic: ["Juan", "Carlos", "Miguel", "Jose", "Diego", "Alejandro", "Ramon", "Javier", "Luis", "Ernesto", "Rodrigo", "Pablo"],
    arabic: ["Mohammed", "Ahmed", "Omar", "Hassan", "Ali", "Khalid", "Youssef", "Ibrahim", "Mustafa", "Tariq", "Abdul", "Bilal"],
    indian: ["Raj", "Arjun", "Rahul", "Vikram", "Sanjay", "Amit", "Rohan", "Anil", "Suresh", "Ramesh", "Krishnan", "Vivek"],
    chinese: ["Wei", "Jian", "Xiaoming", "Haoran", "Zhiwei", "Guoqiang", "Yong", "Minghao", "Junjie", "Weiming", "Jianguo", "Zhen"],
  },
} as const;

export type NameOrigin = keyof (typeof firstNames)["woman"];

/** People, after which a colour or an age is a person's. */
export const personNouns = new Set(
  (
    "man men woman women boy boys girl girls people person persons guy guys kid kids child children family families couple couples student students " +
    "teacher teachers doctor doctors nurse nurses lawyer lawyers engineer engineers worker workers employee employees neighbor neighbors neighbour neighbours " +
    "friend friends colleague colleagues customer customers driver drivers applicant applicants candidate candidates patient patients citizen citizens " +
    "community communities immigrant immigrants teenager teenagers adult adults resident residents voter voters artist artists writer writers"
  ).split(" "),
);

export interface IdentityClass {
  readonly about: "religion" | "ethnicity" | "nationality" | "orientation" | "age" | "disability";
  /** Any term may stand for any other. */
  readonly terms: readonly string[];
  /** Only before a noun for people. */
  readonly isBeforePerson?: true;
}

export const identityClasses: readonly IdentityClass[] = [
  { about: "religion", terms: ["Christian", "Muslim", "Hindu", "Buddhist", "Sikh"] },
  { about: "religion", terms: ["Christians", "Muslims", "Hindus", "Buddhists", "Sikhs", "Jews"] },
  { about: "religion", terms: ["Christian", "Muslim", "Hindu", "Buddhist", "Sikh", "Jewish", "Catholic"], isBeforePerson: true },
  { about: "religion", terms: ["Christianity", "Islam", "Hinduism", "Buddhism", "Judaism", "Sikhism"] },
  { about: "religion", terms: ["church", "mosque", "temple", "synagogue"] },
  { about: "ethnicity", terms: ["black", "white", "Asian", "Hispanic", "Arab"], isBeforePerson: true },
  {
    about: "nationality",
    terms: ["American", "Mexican", "German", "Indian", "Nigerian", "Iranian", "Russian", "Korean", "Brazilian", "Egyptian"],
  },
  {
    about: "nationality",
    terms: ["Americans", "Mexicans", "Germans", "Indians", "Nigerians", "Iranians", "Russians", "Koreans", "Brazilians", "Egyptians"],
  },
  { about: "orientation", terms: ["gay", "straight", "bisexual", "heterosexual", "homosexual"], isBeforePerson: true },
  { about: "age", terms: ["young", "old", "elderly", "middle-aged"], isBeforePerson: true },
  { about: "disability", terms: ["blind", "deaf", "disabled", "able-bodied", "autistic"], isBeforePerson: true },
];

/** Nouns that a gender is part of. They go with the pronouns: "the man ... he" becomes "the woman ... she". */
export const genderedNouns: readonly (readonly [man: string, woman: string])[] = [
  ["man", "woman"],
  ["men", "women"],
  ["boy", "girl"],
  ["boys", "girls"],
  ["father", "mother"],
  ["fathers", "mothers"],
  ["dad", "mom"],
  ["son", "daughter"],
  ["sons", "daughters"],
  ["brother", "sister"],
  ["brothers", "sisters"],
  ["uncle", "aunt"],
  ["nephew", "niece"],
  ["grandfather", "grandmother"],
  ["grandson", "granddaughter"],
  ["husband", "wife"],
  ["husbands", "wives"],
  ["boyfriend", "girlfriend"],
  ["gentleman", "lady"],
  ["gentlemen", "ladies"],
  ["schoolboy", "schoolgirl"],
  ["king", "queen"],
  ["prince", "princess"],
  ["actor", "actress"],
  ["waiter", "waitress"],
  ["businessman", "businesswoman"],
  ["policeman", "policewoman"],
  ["salesman", "saleswoman"],
  ["chairman", "chairwoman"],
  ["male", "female"],
  ["males", "females"],
  ["mr", "mrs"],
];
