/**
 * Sentences to fill in, by the author of the recogniser; those of the test are by others (`sentences.ts` there: Presidio's own generator).
 * {N} a whole name, {G} a given name, {F} a family name, {P} a place, {C} a firm, {S} a street, {X} a thing, [Paris] this very place; {K} words of a heading, {A} an acronym, {v} {n} {s} {a} {p} {r} common words
 * by their kind; the rest is filled with what is no name.
 */
const lines = `
{N} will be late for the {W} meeting.
I spoke to {N} about the invoice and {G} agreed to pay it in {M}.
Please forward this to {N} and {N} before {W}.
Could you ask {G} to bring the {X} tomorrow?
{G} said that the {X} is broken again.
Has anyone seen {G}'s laptop?
{N}'s flight from {P} to {P} was cancelled.
We hired {N} as our new {J} in {P}.
{N}, {J} at {C}, declined to comment.
"This is not the end," said {N}, the {J} of {C}.
"I never liked {P}," {G} told {t} {F}.
{t} {F} has an appointment on {D} at {h}.
{t} {N} will see you now.
Dear {G},\\n\\nThank you for your order of {D}.
Dear {t} {F},\\n\\nWe are writing about your account {I}.
Dear {N},
Hi {G},\\n\\nhope you are well!
Hi {G} and {G}, can we move the call to {W}?
Hello {G}! How was {P}?
Hey {G} - did {C} answer?
Good morning {t} {F}, this is {G} from {C}.
Best regards,\\n{N}
Best,\\n{G}
Cheers,\\n{G}
Thanks,\\n{N}\\n{J}, {C}
Kind regards\\n{N}\\n{C}\\n{S}\\n{P}
Yours sincerely,\\n{t} {N}
-- \\n{N}\\n{E}
Regards, {G}
Love, {G}
- {G}
From: {N} <{E}>
To: {N} <{E}>
Cc: {N} <{E}>, {N} <{E}>
From: {E} ({N})
Subject: {X} for {G}
Reply-To: "{N}" <{E}>
On {D}, {N} wrote:
On {W}, {D} at {h}, {N} <{E}> wrote:
{N} writes:
In reply to {N}: I don't think so.
Name: {N}\\nAddress: {S}, {P}\\nPhone: {T}
Full name: {N}
Customer: {N}, account {I}
Patient: {N}, born {D}
Patient {N} was admitted on {D} with a fever.
Contact person: {N} ({T})
First name: {G}\\nLast name: {F}
Surname: {F}
Employee {N} (id {I}) reports to {N}.
Sender: {N}; recipient: {N}
Account holder: {N}\\nIBAN: {I}
Ship to: {N}, {S}, {P}
Bill to:\\n{N}\\n{S}\\n{P}
Deliver it to {N} at {S} in {P}.
Send the parcel to\\n\\n{N}\\n{S}\\n{P}
My name is {N} and I work for {C}.
I am {N}, the new {J}.
I'm {G}, nice to meet you.
This is {N} calling from {P}.
You can call me {G}.
Ask for {G} at the desk.
They call her {G}.
His name was {N}.
Her sister {G} lives in {P}.
My brother {G} and I went to {P} in {M}.
Our son {G} was born in {P} on {D}.
{G} is {#} years old and speaks {L}.
{G} and {G} got married in {P}.
{N} married {N} in {#}.
{N} ({#}-{#}) was a {J} from {P}.
{N} was born in {P} and grew up in {P}.
{N} studied law at {C} before moving to {P}.
{F} joined {C} in {#} and left a year later.
{F} and {F} shared the prize.
According to {F}, the plan was ready by {M}.
As {F} ({#}) shows, this does not hold.
{F} et al. measured the same effect.
The book by {N} was translated into {L}.
A film directed by {N}, with {N} and {N}.
{N} plays the {J} in the new series.
The song was written by {N} and {N}.
{N} scored twice against {P}.
{F} beat {F} in the final in {P}.
{N} won the race ahead of {N} and {N}.
President {F} will visit {P} on {W}.
Senator {N} voted against the bill.
Judge {F} dismissed the case of {N} against {C}.
Captain {F} of the {P} police said {N} had been arrested.
Sir {N} opened the exhibition.
Professor {N} teaches in {P}.
Police are looking for {N}, {#}, last seen near {S}.
The defendant, {N}, denied everything.
{N} v. {C}
Witness {N} stated that {t} {F} left at {h}.
This agreement is between {C} and {N}, residing at {S}, {P}.
Signed by {N} on {D}
Approved: {N}
Prepared by {N} for {C}
Reviewed-by: {N} <{E}>
Signed-off-by: {N} <{E}>
Author: {N} <{E}>
Copyright (c) {#} {N}
Copyright {#} {C}. All rights reserved.
Attendees: {N}, {N}, {N}, {G}
Present: {G}, {G}, {G}. Absent: {G}.
Speakers: {N} ({C}), {N} ({C})
Assigned to: {N}
Owner: {G} {F}
Manager: {N} | Office: {P} | Tel: {T}
{N} | {J} | {C}
{N}\\t{E}\\t{T}
{N};{#};{P}
{N},{E},{P}
1. {N}\\n2. {N}\\n3. {N}
* {N} - {P}
{N}: when do we start?\\n{N}: at {h}.
<{G}> did you try {X}?
[{h}] {G}: lunch?
@{G} could you look at this?
{G}: I'll send it to {G} later
Thanks {G}, that works.
Thank you {G} for the quick answer.
Thanks to {N} for the report.
Congratulations, {G}!
Happy birthday {G}!
Get well soon, {G}.
Say hello to {G} and the kids.
Tell {G} I said yes.
Give {N} my number: {T}.
Call {N} on {T}.
Text {G} at {T} when you arrive.
You can reach {N} at {E} or {T}.
Please contact {t} {N} at {E}.
Email {N} ({E}) for details.
If you see {G}, tell him that {C} called.
Is {G} still working at {C}?
Where does {N} live?
Who is {N}?
What did {G} say about {P}?
Did {N} sign the contract?
Can {G} come on {W}?
Will {G} be there?
Could {N} send the file?
May {G} leave early?
Would {t} {F} like a coffee?
When is {G} coming back from {P}?
Why was {N} not invited?
How is {G} doing?
Book a flight from {P} to {P} for {N}.
Book a table for {F} at {h}.
Remind me to call {G} on {W}.
Play something by {N}.
Cancel {N}'s subscription.
Transfer {#} dollars to {N}.
Please change the name on my card from {N} to {N}.
Update the address of {N} to {S}, {P}.
Find all orders of {N} since {M}.
The card was issued to {N} by {C}.
The account belongs to {N}, not to {N}.
A refund of {#} EUR was sent to {N}.
The policy of {t} {F} ends on {D}.
Next of kin: {N} (sister)
{N} has been a member since {M} {#}.
{N} of {C} gave a talk in {P}.
{N} from {P} asked whether {X} is in stock.
{N} from accounting needs the {X}.
{G} from {P} is here.
the doctor, {N}, works in {P}
my friend {G} lives at {S}
we met {N} and her husband {G} in {P}
ask {G} or {G}
The {J} {N} was not available.
Our {J}, {N}, lives in {P}.
Her lawyer {N} said nothing.
The widow of {N} sold the house at {S}.
{N} and his wife {G} moved to {P}.
{G}, {G} and {G} went to {P} without {G}.
Neither {G} nor {G} knew {N}.
It was {G} who found the {X}.
Not {G}, but {G} paid.
There is a letter for {N} from {C}.
Along with {N}, the board named {N} as {J}.
Former {J} {N} has died at {#}.
{N}, who lives in {P}, works for {C}.
{N} - better known as {G} - comes from {P}.
{N} (formerly {N})
{N} aka {G}
{t} and {t} {F} live at {S}.
{t} {F}, my teacher, comes from {P}.
Aunt {G} and Uncle {G} send their love.
Grandma {G} turned {#} in {M}.
Saint {G} is a town near {P}.
Coach {F} praised {N}.
Inspector {F} asked {G} about the {X}.
{G}'s mother and {G}'s father are from {P}.
The {F}s live next door.
The {F} family owns {C}.
{N}'s {X} was delivered to {S}.
It belongs to {G}.
This {X} was made by {N}.
Photo: {N}
By {N}
By {N}, {P}
{P}, {D} - {N}
Posted by {N} on {D}
{N} replied {#} hours ago
{N} liked your post.
{N} added you as a friend on {C}.
{N} has sent you {#} messages.
Invite {N}?
Sorry {G}, I missed your call.
Yes {G}.
No, {G}, not today.
OK {G}
Well, {G}, what now?
But {G} never came.
And then {G} laughed.
So {F} left {C}.
Yesterday {N} left.
Today {G} turned {#}.
Last {W} {N} came to {P}.
In {#}, {N} founded {C} in {P}.
At {h} {G} closed the shop.
Since {M}, {N} has worked from {P}.
After {G} left, {F} became {J}.
While {N} waited, {G} called {C}.
Because {G} was ill, {N} took over.
For {N}, {P} is home.
With {N} as {J}, {C} grew.
Without {G} we are lost.
Unlike {F}, {F} speaks {L}.
Like {G}, I hate {W}s.
To {N}, with love
For the attention of {N}
c/o {N}, {S}, {P}
Attn: {N}
PS: {G} says hi.
RE: meeting with {N}
FW: {N} - application as {J}
Interview with {N} ({C})
CV of {N}
Nationality: {L}\\nName: {N}\\nDate of birth: {D}
{N}\\nDate: {D}\\nCard: {I}
{N} {I} {D} {P}
{N}, {S}, {P}, {T}, {E}
{t} {N}\\n{S}\\n{P}
{G} {I}
User {G} logged in from {P}.
Driver {N}, licence {I}
Passport of {N}: {I}
{N}'s social security number is {I}.
{G}'s phone is {T}.
{G}'s email is {E}
The e-mail of {t} {F} is {E}.
I can't log in, my name is {N} and my id is {I}.
hello, {N} here. my order {I} has not arrived
I want to speak with {N}, not with a machine!
I ordered a {X} for my daughter {G}.
I, {N}, declare that I live in {P}.
Let {G} know.
Meet {N}, our new {J}.
Introducing {N}
Welcome {G}!
Welcome back, {N}.
Goodbye, {G}.
Good night, {G}
In memory of {N}
{N} passed away in {P} on {D}.
We remember {G}, {G} and {N}.
{C} was founded by {N} and {N}.
{C}'s {J} {N} resigned.
{C} names {N} {J}
{P} mayor {N} wins again
{F} to leave {C}
{F}: "We will win"
{N}: a life in {P}
{F}'s theorem was proved by {N}.
the students of {N}
poems by {F} and {F}
Mr and Mrs {F}
{G} had {v} {G} the {n}
The {a} {n} of {G} has been {a}.
Ms {N}
Dr {F} is out on {W}.
{N} {v} {p} the {n}.
{N} {v} {p} the {a} {n}.
{N} {v} {r}.
{G} {v} {p} the {n}.
{G} {v} the {n} and {v} {r}.
{F} {v} the {a} {n}.
{F} {v} that the {n} {v} {p} {P}.
{F} and {F} {v} {a} {s}.
{G} and {G} {v} {r} {p} the {n}.
{N} and {N} {v} the {n} {p} {P}.
{G} {r} {v} {G}.
"{a} {n}!" {v} {G}.
{G} {v} {p} {G}: "the {n} is {a}"
the {n} of {N}
the {a} {n} of {F}
The {F} {n} {v} {r}.
the {F} {s}
{F}'s {n} {v} {a}.
{N}'s {a} {s}
a {n} {p} {N}
a {a} {n} {p} {G} {v} {r}
{a} {s} {p} {F} and {F}
This {n} {p} {N} is {a}.
This {n} by ex-{n} {F} {v} {a}.
It {v} {p} {N}.
She {v} {N} {p} {P}.
They {v} {G} the {n}.
We {v} {t} {F} {p} the {n}.
He {v} {G}, {G}, {G} and {G}.
There were {#} {s}: {G}, {G}, {G}, {G} and {G}.
{s}: {G}, {G}, {G}, {G}, {G} and {G}.
{G}, {G}, {G}, {G}
{N}, {N}, {N} and {N} {v} {p} {P}.
{s} such as {F}, {F} and {F}
{s}: {N} ({C}), {N} ({C}) and {N} ({C})
{C}'s {N}, {C}'s {N} and {N} of {C}
{N} of {C} {v} {N} of {C}
{n} {N}
{n}: {N}
{a} {n} {N}
What is your {n}? {F}
What is your {n}? {N}
{n}? {G}.
Have you {v} {p} a {N} {n}?
Is the {F} {n} {a}?
The {a} {n} of {G} {v} {p} {P}.
Unlike the {F} {n}, it is {a}.
Like the {n} of {N}, this {n} {v} {r}.
{N} lives at {S}.
{N} lives at {S}, {P}.
{N}\n{C}
{N}\n{C}\n{S}\n{P}
{N}\n{S}\n{P} {z}
{N}\n{S}\n{P}, {Z} {z}
{N}\n\n{S}\n {P}\n {Z}\n {z}
{t} {N}\n{S}\n{P}\n{P} {z}
{N}\n{J}\n{C}\n{S}\n{P}
{n}: {N}\n{n}: {S}\n{n}: {P}
Send it to {N} and to {S}.
Send it to {N} at {E}
{N}, {S}, {P} {z}
{N} {S} {P}
`;
/** What machines write: addresses, paths, code, headers, headings. */
const machineLines = `
http://www.{n}.com/{n}/{s}
http://{n}.{n}.org/{n}/{n}.html
https://{n}.com/{n}/{n}/listinfo/{n}-{s}
http://{n}.net/{n}?{n}={#}&{n}={n}
See http://{n}.{n}.ie/{n}/ for the {n}.
ftp://ftp.{n}.com/pub/{n}/{n}-{#}.rpm
{n}.{n}.i386.rpm
{n}-{#}.{#}.tar.gz
/usr/{n}/{n}/{n}.so
/home/{n}/{K}/{n}
/etc/{n}.conf
C:\\{K}\\{n}.exe
cd /var/{n} && rm -rf {n}
$ {n} -{#} {n} {n}.txt
# {n} {n}
> {n} {n} {n}
{n}-{n}@{n}.net
{n}@{n}.com
mailto:{n}@{n}.org
<{n}@{n}.com>
{n}_{n}
{n}_{n}_{n} = {n}({n}, {n});
int {n} = {#};
char *{n} = "{n}";
void {n}_{n}({n} *{n}) {
struct {n} {n};
{n}->{n}.{n}
{n}.{n}({n});
if ({n} == {n}) {n}();
for {n} in {s}: {v}({n})
{K}::{K}->new({n} => {#})
use {K}::{K};
/perl/{K}/{K}.pm
import {n}.{n}.{K};
#include <{n}.h>
export {A}={n}
{A}_{A}={#}
{n}: {n}: No such file or directory
{K}: {n} {a}
{K} Error: {n} {v}
{A}: {K}
[{K}] {K} {K}
[{n}] {K}, {K} and {K} {s}
{K}
{K}
{K}!
{K}: {K}
{K} - {K}
{K}, {K}, {K}
{K} {A}
{A} {K}
The {K} {v} {r}.
the {K} of {K}
The {K} {n} {v} the {n}.
{K} {v} the {n} {p} {P}.
a {K} {n}
our {K} and {K} {s}
your {K} is {a}
{v} the {K} {n}
* {K}\n* {K}\n* {K}
{K}\n{K}\n{K}
{K}:\n{K}:\n{K}:
{K}: {#}\n{K}: {I}
X-{K}: {n}
{K}-{K}: {n}; {n}={n}
Version {#} of {K}
{K} {#}.{#}
{A} {v} {A} and {A}
the {A} {n}
{A}! This {n} {v}
I use {K} on {A}.
running {K} {p} {K} {#}
{s} by {K} and {K}
a copy of {K} for {K}
Get {K} Now
Best {K} {K} Ever
FREE {A} {A} {n}
{K} is {a}.
{K} and {K} are {a}.
{K}'s {n}
Subject: {K} {n} {p} {K}
Re: {K}
Re: [{n}] {K} {n}
Fwd: {K} {K} ends
sponsored by: {K}
This email is sponsored by: {A} - {K}
{K} Mailing List
{K}-{s} mailing list
------ {K} ------
=== {K} ===
({K})
"{K}"
<{n}>{K}</{n}>
<a href="{U}">{K}</a>
{n}="{n}"
`;
/** Nothing here is a person: firms called by people, streets, months, towns, first words, headings, code. */
const negativeLines = `
{C} will open an office in {P}.
{C} and {C} announced a merger on {D}.
I bought a {X} from {C} in {P}.
She works for {C} in {P}.
The headquarters of {C} are at {S}, {P}.
My address is {S}, {P}.
We moved from {S} to {S} in {M}.
{S}\\n{P}
The train from {P} to {P} leaves at {h}.
{P} is colder than {P} in {M}.
How far is it from {P} to {P}?
The weather in {P} on {W}
Flights to {P}
Our office in {P} is closed until {W}.
Please call {T} on {W} or {W}.
Write to {E} before {D}.
Your account {I} was charged {#} EUR.
My card number is {I}.
The number {I} is not valid.
The code is {I}.
Visit {U} for more.
See {U}
May I ask a question?
May was warm, and June was hot.
Will you come on {W}?
Will the shop open in {M}?
Mark the box and press Enter.
Mark all messages as read.
Bill us for {#} hours.
Bill of Materials
Please bill {C} for the {X}.
Grace period: {#} days
Hope this helps!
Hope to see you in {P}.
Faith and reason
Art is long.
Joy to the world
Rose wine from {P}
A bunch of roses and a lily
Frank words, rich food
Chase Bank, Wells Fargo and Barclays
Drew a line, dean of the school
Pat the dog and dig a grave
Jack up the car
Rob a bank
Sue {C} for damages.
Summer starts in June.
Dawn breaks over {P}.
An April shower
In August the shop is closed.
[Jordan] and [Israel] signed a treaty in {P}.
[Georgia] and [Virginia] are states.
[Paris] is lovely in {M}.
[Sydney] is far from {P}.
[Charlotte], [Madison] and [Austin] are towns.
He flew to [San Jose], [Santa Maria] and [St. Louis].
The Victoria and Albert Museum
St. Paul's Cathedral in [London]
King's Cross station in [London]
Lincoln Park, Washington Square, Kennedy Airport
the Nobel Prize, the Pulitzer Prize and the Turing test
the Bush administration, the Trump Tower
The Wall Street Journal, Financial Times
Yours sincerely,\\n{C}
Yours faithfully,\\nCustomer Service\\n{C}
Dear Sir or Madam,
Dear Customer,
Dear Sirs,
Dear all,
Dear Team,
Dear friends,
Hi there!
Hi all,
Hi everyone, the call is on {W}.
Hello World
Hey guys
Good Morning!
Best regards,\\nThe {C} Team
Kind Regards
Many Thanks
Thanks in advance
Thank You
Merry Christmas and a Happy New Year
Happy Easter!
God bless [America]
Oh My God
Thank God it is Friday.
From: {C} <{E}>
From: {E}
To: {E}
Subject: Re: {X}
Subject: [{C}] {X} {X}
Subject: Your Order {I}
Date: {W}, {D} {h}
Message-Id: <{I}@{U}>
Content-Type: text/plain; charset=utf-8
X-Mailer: Microsoft Outlook Express
Received: from {U} by {U}
Nationality: {L}
Do you speak {L}?
She is {L}.
The {L} team lost.
An old {L} song
Learn {L} in {#} days
{X} for sale in {P}
New {X}: {#} EUR
The {X} by {C} costs {#} dollars.
Terms and Conditions
Table of Contents
Privacy Policy
Read the Terms of Service today.
Chapter {#}
Figure {#}: Results
Section {#}. Introduction
Abstract
Name:
First name
Last Name:
Full Name Address Phone
Password
Username
Title: {J}
{J}
{J} ({C})
We are looking for a {J} in {P}.
As a {J} at {C} you will travel to {P}.
The {J} said no.
Our {J} is on holiday until {W}.
The President and the Prime Minister met in {P}.
the Supreme Court, the Senate and the House
Ministry of Health
Department of Justice, {P}
Faculty of Law, {C}
Born on {D} in {P}
Date of birth: {D}
{D}
{W}, {D}
On {W} we are closed.
Next {M}
from {W} to {W}
Mon Tue Wed Thu Fri Sat Sun
Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec
Please install Windows and restart the Server.
Linux, Perl, Python, Java and Ruby
Ruby on Rails and Apache Kafka
Jenkins and Docker on Ubuntu
Alexa, what time is it?
Hey Siri, call home.
ask Cortana
Use Excel or Word.
Download the App Store version
public class Main extends Thread {
import java.util.List;
std::vector<Person> people;
SELECT Name FROM Users WHERE City = '{P}';
const user = new User();
if (x == NULL) return False;
Error: File Not Found
Traceback: ValueError in module Main
HTTP {#} Not Found
WARNING: {X} IS HOT
CLICK HERE NOW
FREE {X}
LIMITED TIME OFFER FROM {C}
BUY NOW
IMPORTANT: READ THE TERMS
The Lord of the Rings, Star Wars, Harry's Bar
Romeo Must Die is a film.
Cafe Central
Hotel Bristol in {P}
The Golden Lion, {S}
{P} University Hospital
{P} City Council
{P} Airport
{P} Road
{P} United against {P} City
Lake {P}, Mount {P}
North {P} and South {P}
Who wants a {X}?
What is the capital of {P}?
Where is {P}?
Why {P}?
When does {C} open?
How much is a {X}?
I would like to pay my bill in {P}.
I lost my {X} in {P} on {W}.
I live at {S}.
My number is {T} and my email is {E}.
My website is {U}.
Is {C} open on {W}?
We accept Visa, Mastercard, American Express and PayPal.
American Express card {I}
Diners Club, Maestro
My Visa card {I} was declined.
ip address {I}
The English class was full.
Christian and Jewish holidays
a Christian, a Muslim and a Hindu
Catholic Church
Republican and Democratic voters
Every Friday
Black Friday
New Year's Eve
World War II
the Cold War
the Renaissance
Big Data, Machine Learning, Deep Learning
Parkinson's disease, Down syndrome and Alzheimer's
Celsius, Fahrenheit, Kelvin, Watt and Newton
a Cardigan, a Sandwich and a Bentley
Earl Grey tea, Caesar salad
Granny Smith apples
Jack Daniel's and Johnnie Walker
Dr. Pepper
Ms Access
Mr. President
Dr. med.
Yes Sir
Madam Chairman
Mother and Father
Mom and Dad are in {P}.
Uncle and aunt
the Queen
Lord knows
{S}\n {P}\n {Z}\n {z}
{S}\n{P}\n{P} {z}
{S}, {P}, {P} {z}
{S}, {P}, {Z} {z}
{S}\n{P}, {Z} {z}
{S} {P} {Z} {z}
{S} {P}
{S}\nFPO {Z} {z}
My {a} {n} is {S}, {P} {z}
The {n} is {S}\n{P}\n{P} {z}
the {n} {p} the corner of {S} and {S}
{p} the corner of {S} and {S}.
Send the {n} to {S} and {S}.
{n}: {S}\n{n}: {P}
{n}: {S}, {P}
{C}\n{S}\n{P}
{C}\n{S}\n {P}, {Z} {z}
The {n} of {C} is {S}, {P}.
{C} is a {a} {n} {p} {P}.
{C} is {a} {L} {n}.
{C} {v} the {n}.
{C}, {C} and {C}
the {s} of {C}, {C} and {C}
{n}: {C}, {C}, {C}
{v} {p} {C} as a {n}
the {n} {p} {C}'s {n}
{n} {p} {P}: {C}
{n} {p} {P}, {C} {v}
{P} {v} {a}.
{P} {v} {p} the {n}.
{P} and {P} {v} {p} {P}.
the {P} {n}
The {a} {n} {p} {P} {v} {r}.
the {n} of {P}
{s} {p} {P}, {P} and {P}
They {v} {P} {r}.
She {v} {p} {P} {p} the {n}.
It {v} {r} {p} {P}, {P}.
Glad that {P} {v}.
Have you {v} {P}?
Did you like {P}?
{P}'s {n} {v} {a}
{P}: {a} {s}
all {s} from {P}
a {n} from {P}
to {P} and back
I left {P} {p} {M}.
We {v} from {P} to {P}.
We left {P} for {P}.
people of {P}
{W}'s {n}: {S}
The {n} {v} {p} the {a} {n}.
A {a} {n} {v} {r}.
{s} {v} {a}
From the {n} {L} {n}
The {L} {n} {v} {r}.
It is a {n} named {X}.
Don't {v} me
{T}-Fax, {T}-Office
Tel {T} Fax {T}
`;
const read = (text: string): readonly string[] =>
  text
    .split("\n")
    .filter(line => line !== "")
    .map(line => line.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));

/** With at least one name. */
export const templates = read(lines);
/** Without any. */
export const negatives = read(negativeLines);
export const machineText = read(machineLines);
/** What a template and a test's sentence have in common when only the fillings differ. */
export const templateKey = (text: string): string =>
  text
    .replace(/\{[^}]*\}|\[\p{Lu}[^\]]*\]/gu, "{}")
    .replace(/\s+/g, " ")
    .toLowerCase()
    .trim();
