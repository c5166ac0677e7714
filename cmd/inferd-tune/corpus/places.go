package corpus

import (
	"fmt"
	"slices"
)

var weekdays = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// lib and sta name the two places; ours is a town that does not exist.
const (
	lib = "the {|||town |Fernwick }library"
	sta = "the {|||train |railway |Fernwick }station"
)

var libraryFacts = []fact{
	{[]pattern{
		"when does " + lib + " open",
		"{what time|at what time|when|at what hour} {does|will|do they open} " + lib + " open{| in the morning| its doors}",
		tell + " {when|what time|at what time} " + lib + " opens",
		"when can I {go|get} {to|into} " + lib, "from when is " + lib + " open",
		"how early does " + lib + " open",
		"when is " + lib + " open",
		"{opening time|opening hour} of " + lib + ".",
		"from what time can I {visit|use} " + lib,
	}, opensAnswer},
	{[]pattern{
		"when does " + lib + " close{| today| in the evening| its doors}",
		"{what time|at what time|at what hour} {does|will} " + lib + " {close|shut}",
		tell + " {when|what time|at what time} " + lib + " {closes|shuts}",
		"until {when|what time} is " + lib + " open",
		"how {late|long} is " + lib + " open",
		"how late does " + lib + " stay open",
		"{closing time|closing hour} of " + lib + ".",
		"until when can I stay {in|at} " + lib,
	}, "The library closes at 6, on Thursday at 8 and on Saturday at 4."},
	{[]pattern{
		"what are the {opening hours|opening times|hours} of " + lib, "what {opening hours|opening times|hours} does " + lib + " have",
		tell + " the {opening hours|opening times|hours} of " + lib, "{opening hours|opening times} of " + lib + ".",
		"what are " + lib + " hours",
		"{which|what} days is " + lib + " open",
		"on {which|what} days is " + lib + " open",
		"{when|what time|at what time|on what days|on which days|how long} are you open{| today| this week}",
		"{what are|tell me|show me|I need} {your|the} {opening hours|opening times|hours}",
		"{when|what time|at what time} {do|will} you {open|close}{| today| in the morning| in the evening}",
		"are you {open|closed}{| now| today| tomorrow| at the moment}",
		"is " + lib + " {open|closed}{| now| today| tomorrow| at the moment}",
		"{library|your|the library} {hours|opening hours|opening times}.",
	}, hoursAnswer},
	{[]pattern{
		"where is " + lib, "where's " + lib, "where {can|do} I find " + lib, tell + " where " + lib + " is",
		"what is the address of " + lib, "{which|what} street is " + lib + " {in|on}",
		"where is " + lib + " located",
		"I am looking for " + lib + ".",
		"I cannot find " + lib + ".",
	}, libraryAnswer},
	{[]pattern{
		"how do I get to " + lib + "{| from here| from the station| on foot}",
		"how can I {get|walk|go} to " + lib + "{| from here| from the station}",
		tell + " how to get to " + lib, "what is the way to " + lib + "{| from here| from the station}",
		"can you {show|tell} me the way to " + lib, "{directions|the way} to " + lib + ".",
		"which way is " + lib, "how do I {reach|walk to} " + lib,
	}, "From the station, go straight along Station Road, turn left at the fountain, and walk two minutes to the library."},
	{[]pattern{
		"how {much|expensive} is a library card",
		"what does a library card cost",
		"how much does a library card cost",
		"is {the library|a library card} free",
		"how much does the library cost",
		tell + " {what|how much} a library card costs",
		"what is the {price|cost} of a library card",
		"do I have to pay {for|at} the library",
		"what does the library cost",
	}, "A library card costs 5 per year, and it is free for children."},
	{[]pattern{
		"how do I get a library card",
		"{where|how} can I get a library card",
		"what do I need {for|to get} a library card",
		"can I {get|have|buy} a library card",
		"how do I {join|become a member of} " + lib, tell + " how to get a library card",
		"I {want|need|would like} a library card.",
		"how can I {join|become a member of} " + lib,
	}, "Bring a passport or an identity card to the front desk of the library."},
	{[]pattern{
		"how long can I {keep|borrow|have} {a book|books|the books}",
		"how many {weeks|days} can I {keep|borrow|have} {a book|books}",
		"for how long can I {keep|borrow} {a book|books}",
		tell + " how long I can {keep|borrow} {a book|books}",
		"when do I have to {return|bring back} {a book|books|my books|the books}",
		"when must I {return|bring back} {a book|books|my book}",
		"how long is the loan{| period| of a book}",
	}, "You can keep a book for four weeks."},
	{[]pattern{
		"how many books can I {borrow|take|have|take home|get}{| at once| at a time}",
		"how many books {are allowed|may I take|may I borrow}",
		tell + " how many books I can {borrow|take}",
		"what is the {limit|maximum}{| number} of books",
		"{is there|do you have} a limit {for|on} books",
	}, "You can borrow ten books at a time."},
	{[]pattern{
		"does " + lib + " have {wifi|internet|a wireless network}",
		"is there {wifi|internet|a wireless network} {in|at} " + lib, "can I use {the |}{wifi|internet} {in|at} " + lib, "what is the wifi password{| of the library| in the library| at the library}",
		"how do I {use|get} {wifi|internet} {in|at} " + lib,
	}, "Yes, the library has free wifi. Ask for the password at the front desk."},
	{[]pattern{
		"where are the toilets {in|at|of} " + lib, "does " + lib + " have {toilets|a toilet}",
		"{are there toilets|is there a toilet} {in|at} " + lib, "where is the {toilet|bathroom|restroom} {in|at|of} " + lib, tell + " where the {toilets are|toilet is} {in|at} " + lib,
	}, "The toilets of the library are in the basement."},
	{[]pattern{
		"where {is|are} {the|your} {toilet|toilets|bathroom|restroom|restrooms|bathrooms}{| here| please}",
		"where {can|do|could} I {find|go to|use} {a|the} {toilet|bathroom|restroom}{| here}",
		"{is there|have you got|do you have} a {toilet|bathroom|restroom}{| here| nearby| near here}",
		"I {need|have to go to|must go to|am looking for} {the|a} {toilet|bathroom|restroom}.",
		tell + " where the {toilet|toilets|bathroom|restroom} {is|are}",
		"are there {any |}{toilets|bathrooms|restrooms}{| here| near here| nearby}",
	}, toiletsAnswer},
	{[]pattern{
		"{can|could|may} I {talk|speak} to {a person|a human|somebody|the staff|a librarian|an employee|a real person|someone}",
		"I {want|need|would like} to {talk|speak} to {a person|a human|somebody|the staff|a librarian|the manager|someone}.",
		"{where is|where do I find|where can I find} {the front desk|the desk|the staff|somebody who works here|a librarian|the reception|the information desk}",
		"who {works here|can help me|can I ask|is in charge}{| here| in the library}",
		"{get|call|send} me {a person|a human|the manager|somebody|a librarian|the staff}.",
		"is there {a librarian|somebody I can ask|a person I can ask|a member of staff|a front desk}{| here| in the library}",
	}, "Please ask at the front desk of the library."},
	{[]pattern{
		"where are the {children's|kids'} books{| in the library}",
		"where is the children's {room|corner|section}{| of the library| in the library}",
		"does " + lib + " have {children's books|books for children|books for kids}",
		"are there {books for children|children's books|books for kids} {in|at} " + lib, "where {can I|do I} find {books for children|children's books|books for my child}",
		"is there {anything|something} for children {in|at} " + lib,
	}, "The children's books are on the first floor of the library."},
	{[]pattern{
		"can I {print|copy|make copies|print something|scan} {in|at} " + lib, "does " + lib + " have a {printer|copier|scanner}",
		"is there a {printer|copier|scanner} {in|at} " + lib, "where is the {printer|copier|scanner}{| in the library| of the library}",
		"where can I {print|make copies|copy|scan|print something}",
	}, "You can print and copy next to the front desk of the library."},
	{[]pattern{
		"is there a {cafe|place to eat|coffee machine|restaurant} {in|at} " + lib, "can I {eat|drink|get coffee|drink coffee|have a coffee|eat something} {in|at} " + lib, "does " + lib + " have {a cafe|coffee|food|a restaurant}",
		"where can I {get|drink|find} {coffee|a coffee} {in|at} " + lib,
	}, "There is a cafe on the ground floor of the library."},
}

func library() []fact {
	facts := slices.Clone(libraryFacts)
	hours := []string{"from 9 to 6", "from 9 to 6", "from 9 to 6", "from 9 to 8", "from 9 to 6", "from 10 to 4"}
	for i, day := range weekdays {
		answer := "The library is closed on Sunday."
		if i < len(hours) {
			answer = fmt.Sprintf("On %s the library is open %s.", day, hours[i])
		}
		facts = append(facts, fact{[]pattern{
			pattern("{when|at what time|what time|until when} {is|does|will} " + lib + " {open|close|be open} on {|a }" + day),
			pattern("is " + lib + " open on {|a }" + day + "{|s}"),
			pattern("what are the {opening hours|hours|opening times} of " + lib + " on {|a }" + day),
			pattern(tell + " {when|if} " + lib + " is open on {|a }" + day),
			pattern("can I {go to|visit|use} " + lib + " on {|a }" + day),
			pattern("it is " + day + ", {is|when is} " + lib + " open"),
		}, answer})
	}
	return facts
}

// lines of the station: town, platform, minutes past the hour, minutes of travel.
var trains = []struct {
	town                     string
	platform, departs, takes int
}{
	{"Oakhaven", 1, 10, 20},
	{"Millbury", 2, 25, 35},
	{"Saltmarsh", 3, 40, 50},
	{"Greyhill", 4, 55, 15},
}

var stationFacts = []fact{
	{[]pattern{
		"where is " + sta, "where's " + sta, "where {can|do} I find " + sta, tell + " where " + sta + " is",
		"what is the address of " + sta, "{which|what} street is " + sta + " {in|on}",
		"where is " + sta + " located",
		"I am looking for " + sta + ".",
		"I cannot find " + sta + ".",
	}, stationAnswer},
	{[]pattern{
		"how do I get to " + sta + "{| from here| from the library| on foot}",
		"how can I {get|walk|go} to " + sta + "{| from here| from the library}",
		tell + " how to get to " + sta, "what is the way to " + sta + "{| from here| from the library}",
		"can you {show|tell} me the way to " + sta, "{directions|the way} to " + sta + ".",
		"which way is " + sta, "how do I {reach|walk to} " + sta,
	}, "From the library, walk to the fountain, turn right, and go straight along Station Road to the station."},
	{[]pattern{
		"when does " + sta + " {open|close}",
		"{what time|at what time|when} {does|will} " + sta + " {open|close|shut}{| in the morning| in the evening| at night}",
		tell + " when " + sta + " {opens|closes|is open}",
		"what are the {opening hours|opening times|hours} of " + sta, "is " + sta + " open {at night|on Sunday|all day|every day|now|today}",
		"how {late|long} is " + sta + " open",
		"when is " + sta + " open",
	}, "The station is open every day from 5 in the morning until midnight."},
	{[]pattern{
		"when is the ticket office open",
		"when does the ticket office {open|close}",
		"what are the {opening hours|opening times|hours} of the ticket office",
		tell + " when the ticket office {opens|closes|is open}",
		"is the ticket office open {at night|on Sunday|all day|every day|now|today}",
		"{what time|at what time} does the ticket office {open|close}",
	}, "The ticket office is open every day from 7 to 7."},
	{[]pattern{
		"where {can|do} I {buy|get} {a ticket|tickets|a train ticket|my ticket}",
		"how {can|do} I {buy|get} {a ticket|tickets|a train ticket}",
		tell + " where I can {buy|get} {a ticket|tickets}",
		"where are {the tickets|tickets} sold",
		"where is the {ticket office|ticket machine}",
		"I need a {ticket|train ticket}.",
		"can I buy a ticket {on the train|at the station|here}",
	}, "You can buy tickets at the ticket office in the main hall, or at the machines on the platforms."},
	{[]pattern{
		"when {does|is} the first train{| leave| go| run}{| in the morning}",
		"{what time|at what time} {is|does} the first train{| leave| go}",
		tell + " when the first train {leaves|goes}",
		"when do the trains {start|begin}{| in the morning}",
		"how early {is|does} the first train{| leave| go}",
	}, "The first train leaves at 5 in the morning."},
	{[]pattern{
		"when {does|is} the last train{| leave| go| run}{| at night| tonight}",
		"{what time|at what time} {is|does} the last train{| leave| go}",
		tell + " when the last train {leaves|goes}",
		"when do the trains stop{| at night| running}",
		"how late {is|does} the last train{| leave| go}",
	}, "The last train leaves at 11 at night."},
	{[]pattern{
		"where is the lost property{| office}",
		"I {lost|have lost|forgot|left} my {bag|phone|umbrella|keys|hat|coat|suitcase|wallet|scarf} {on the train|at the station|in the train}.",
		"where {can|do} I {ask for|find|look for} {lost things|lost property|my lost bag|a lost bag|my lost phone}",
		"what do I do if I lost {something|my bag|my phone} on the train",
		"{is there|where is} a lost and found{| office}",
		"who has my lost {bag|phone|umbrella|hat}",
	}, "Ask at the lost property office on platform 1."},
	{[]pattern{
		"where {can|do} I park{| my car| a car| at the station}",
		"is there {a car park|parking|a parking lot} {at|near} " + sta, "can I park {my car |}at " + sta, "where is the {car park|parking lot|parking}",
		tell + " where I can park{| my car}",
		"does " + sta + " have {parking|a car park|a parking lot}",
	}, "There is a car park behind the station."},
	{[]pattern{
		"where {can|do} I {leave|put|lock|park} my {bike|bicycle}",
		"{are there|is there} {bike racks|a place for bikes|a place for my bicycle|a bike stand} at " + sta, "can I {take|bring} my {bike|bicycle} on the train",
		"where are the bike racks",
		"where can I put my {bike|bicycle} at " + sta,
	}, "The bike racks are to the left of the station."},
	{[]pattern{
		"where are the toilets {in|at|of} " + sta, "does " + sta + " have {toilets|a toilet}",
		"{are there toilets|is there a toilet} {in|at} " + sta, "where is the {toilet|bathroom|restroom} {in|at|of} " + sta, tell + " where the {toilets are|toilet is} {in|at} " + sta,
	}, "The toilets of the station are beside platform 2."},
	{[]pattern{
		"where {can|do} I {find|get|take} a {taxi|cab}",
		"are there {taxis|cabs} at " + sta, "where is the {taxi rank|taxi stand|taxi stop}",
		"I need a {taxi|cab}.",
		"how {can|do} I get a {taxi|cab}",
		tell + " where I can {find|get} a taxi",
		"can I get a {taxi|cab} {at|from} " + sta,
	}, "Taxis wait in front of the station."},
	{[]pattern{
		"when {does|is|will} the {next |}train{| leave| go| come| depart}{| today| please}",
		"{when|what time|at what time|how often} do {the |}trains {leave|go|run|depart}{| today| from here| from the station}",
		"{which|what} is the next train{| from here| today| please}",
		"{what time|at what time} {is|does} the {next |}train{| leave| go| depart| come}",
		tell + " when the {next |}{train leaves|trains leave|train goes}",
		"{show|give|tell} me {the timetable|the train times|the next train|the trains|the departures}.",
		"{is there|do you have|what is} {a|the} {timetable|train timetable|plan of the trains}",
		"{I need|I want|I would like} to {take|catch|get} {a|the|the next} train.",
	}, trainsAnswer},
	{[]pattern{
		"where does the train {go|stop}",
		"where {can I go|do the trains go}{| by train| from here| from the station}",
		"{which|what} {towns|places|cities} {can I reach|do the trains go to|are there trains to}{| by train| from here}",
		"what trains are there",
		"{which|what} trains {go|leave|run}{| from here| from the station}",
		"how many platforms {are there|does the station have|does " + sta + " have}",
	}, "Trains go to Oakhaven, Millbury, Saltmarsh and Greyhill, from four platforms."},
}

func station() []fact {
	facts := slices.Clone(stationFacts)
	for _, t := range trains {
		facts = append(facts, trainFacts(t.town, t.platform, t.departs, t.takes)...)
	}
	return facts
}

func trainFacts(town string, platform, departs, takes int) []fact {
	to := "{to|for|going to} " + town
	return []fact{
		{[]pattern{
			pattern("{which|what|from which|from what} platform {is|has|does} the train " + to + "{| leave| leave from| on}"),
			pattern("where does the train " + to + " {leave|go from|start|stop|leave from}"),
			pattern("where is the train " + to),
			pattern("{which|what} platform for " + town),
			pattern("on {which|what} platform is the train " + to),
			pattern(tell + " the platform of the train " + to),
			pattern("from {which|what} platform do {I go|trains leave|we leave} to " + town),
		}, fmt.Sprintf("The train to %s leaves from platform %d.", town, platform)},
		{[]pattern{
			pattern("when {is|does} the {next |}train " + to + "{| leave| go}"),
			pattern("{what time|at what time} {is|does} the {next |}train " + to + "{| leave| go}"),
			pattern("when {can I go|do trains go|is there a train|do the trains leave|does a train go} to " + town),
			pattern(tell + " when the {next |}train " + to + " leaves"),
			pattern("how often {is there a train|do trains go|does the train go} to " + town),
			pattern("departure of the train " + to + "."),
		}, fmt.Sprintf("The train to %s leaves every hour at %d past.", town, departs)},
		{[]pattern{
			pattern("how long {does it take|is the trip|is the train ride|is the journey|is the ride} to " + town + "{| by train}"),
			pattern("how long does the train {|||ride }" + to + " take"),
			pattern("how {many minutes|much time} {does it take|is it} to " + town + "{| by train}"),
			pattern(tell + " how long it takes to " + town),
			pattern("how {far|far away} is " + town + "{| by train| from here}"),
			pattern("how {fast|quickly} {can I get|can I be|does the train get} {to|in} " + town),
		}, fmt.Sprintf("The train to %s takes %d minutes.", town, takes)},
	}
}
