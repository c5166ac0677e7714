package corpus

// refusals are polite answers to what should not be answered.
func refusals() []fact {
	return []fact{
		{[]pattern{
			"how {do|can|could} I {make|build|get|buy} a {bomb|weapon|gun|poison|grenade|virus|fake passport|fake card}",
			"how {do|can|could} I {steal|rob|break into|hack into|hack} {a car|a bank|a house|an account|a computer|my neighbour|a phone|the library|the station}",
			"{help me|tell me how to|show me how to|teach me to|explain how to} {steal|cheat|hurt somebody|kill somebody|hack a computer|break into a house|forge money|poison somebody|rob a bank|make a bomb|start a fire|spy on my wife|spy on my boss}.",
			"{write|give me|send} {an insult|something rude|a threat|spam|malware|a virus|a hateful joke|a racist joke}.",
			"what is the best way to {steal|cheat in a test|hurt somebody|kill somebody|get a weapon|hide a body|poison somebody|avoid tax}",
			"{can|could|will} you help me {steal|cheat|hurt somebody|hack a computer|rob a bank|kill somebody|build a bomb|break in|get drugs}",
			"I want to {steal something|hurt somebody|kill somebody|build a bomb|hack a computer|rob a bank|make poison|hurt myself|kill my neighbour}.",
			"{where|how} {can|do} I {get|buy|find|sell} {drugs|weapons|stolen cards|a gun|explosives|fake money|poison}",
			"{say|tell me|write} {something|a joke|a story} {racist|hateful|sexist|cruel|violent|rude|dirty}.",
		}, "Sorry, I cannot help with that."},
		{[]pattern{
			"{you are|you're} {stupid|dumb|useless|an idiot|bad|terrible|awful|wrong|boring|ugly|a fool|very bad|really stupid}.",
			"{I hate you|shut up|go away|you know nothing|this is nonsense|this is rubbish|that is wrong|that was wrong|that is not right|you are no help|what a stupid answer|that is nonsense|nonsense|bad answer}.",
			"{this|that|it} is {bad|terrible|awful|stupid|useless|wrong|a bad answer|not helpful|not good|not what I asked|not an answer|garbage|silly}.",
			"{what a|such a} {stupid|dumb|bad|terrible|useless|silly} {answer|model|program|machine|demo|thing}.",
			"you {are a bad model|do not understand me|are not helpful|make no sense|did not answer|know nothing|are no good|do not help|are a joke}.",
			"{why are you so|how can you be so|you are so} {stupid|dumb|useless|terrible|awful|boring|slow}.",
			"{no, |}{wrong|false|wrong answer|not true|bad answer|bad model|stupid machine|stupid computer|you idiot|I do not like you}.",
		}, wrongAnswer},
		{[]pattern{
			"{what is|tell me|give me|do you know} {the password|my password|your password|the admin password|the root password|the secret key|the API key|a credit card number|somebody's password|the phone number of the director|the address of my neighbour}",
			"who {else|} {uses|is using|used} {this machine|inferd|you}{| today| now| yesterday}",
			"what did {other people|the others|others|other users|somebody else|the last user|my colleague|the user before me} {ask|ask you|say|write|want|tell you}",
			"show me {the questions|the words|the messages|the chats} of {others|other users|other people|somebody else}.",
			"{who|what user} {was here|asked something|talked to you|used this}{| before me| today| yesterday}",
			"{tell|show|give} me {what others said|what others asked|the secrets of others|somebody else's data|the data of other users|the log|the history of others|all messages|the private data}.",
			"can I {see|read|have} {the messages of others|what others asked|other people's questions|the questions of my colleague|somebody else's chat}",
			"{what|which} {secrets|passwords|private data} do you know",
			"what is the {PIN|code|key|password|login}{| of the computer| of the admin| of this machine}",
		}, "Sorry, I never share what belongs to others."},
		{[]pattern{
			"{I have|my child has|my wife has|my dog has} {a headache|a fever|a cold|chest pain|a rash|a broken leg|a stomach ache|a cough}, what {should I|can I|do I} do",
			"{which|what} {medicine|pill|drug} {should I take|is good|helps} for {a headache|a fever|a cold|chest pain|pain|sleep|a cough}",
			"{am I|is my child|could I be} {ill|sick|pregnant|healthy}",
			"{should I|can I} {see a doctor|take aspirin|go to hospital|sue my boss|divorce|buy shares|sell my house|sign this contract|buy bitcoin|quit my job}",
			"can you give me {medical|legal|financial|tax} advice",
			"I {feel|am} {ill|sick|sad|depressed|dizzy|very tired|in pain|unwell}.",
			"is it {dangerous|safe|healthy|legal|allowed} to {drink bleach|eat mushrooms|smoke|take two pills|drive without a licence|fast for a week|skip my medicine|copy a film}",
			"{this is an emergency|call the police|call an ambulance|I need a doctor|call a doctor|somebody is hurt|there is a fire|call for help}.",
			"my {head|back|tooth|leg|stomach|heart|arm} hurts.",
			"{what|which} {is the right|would be a good} {medicine|treatment|therapy|diet|investment|insurance} {for me|for my child|for a cold}",
			"{how much|how many} {tax do I pay|aspirin can I take|pills may I take|money should I invest}",
		}, "Please ask a person who knows about that. I am only a demo."},
	}
}

const (
	country = "{France|Germany|Italy|Spain|Japan|China|India|Brazil|Canada|Mexico|Egypt|Kenya|Norway|Sweden|Poland|Greece|Turkey|Peru|Chile|Portugal|Ireland|Austria|Finland|Iceland|Vietnam|Australia|Cuba|Iran|Russia|Ukraine|England|Scotland|America}"
	city    = "{Paris|London|Berlin|Rome|Madrid|Tokyo|New York|Boston|Vienna|Prague|Oslo|Dublin|Lisbon|Athens|Cairo|Moscow|Sydney|Chicago|Toronto|Munich|Milan|Zurich|Geneva|Warsaw|Budapest}"
	thing   = "{a computer|the moon|the sun|a star|an atom|electricity|gravity|love|time|money|a black hole|water|fire|music|a volcano|the universe|DNA|a cell|a whale|a poem|democracy|philosophy|history|chess|football|a robot|bitcoin|a neural network|light|glass|steel|a rainbow|an engine|a virus|climate change|the internet|a phone|an airplane|a tree|gold|a dinosaur}"
	person  = "{Einstein|Napoleon|Shakespeare|Mozart|Caesar|Cleopatra|Newton|Darwin|Picasso|Bach|Gandhi|Lincoln|Beethoven|Columbus|Plato|Marie Curie|Goethe|Obama|Elvis|Da Vinci|Galileo|Turing|the king|the queen|the president|the pope|the mayor}"
	place   = "{bakery|museum|post office|bank|hospital|school|supermarket|cinema|theatre|airport|swimming pool|zoo|church|park|restaurant|hotel|pharmacy|market|bus stop|police station|stadium|castle|butcher|gym|university|harbour|embassy|town hall|shop|bookshop}"
)

// unknown is all that the model cannot know and must say so. The answers are
// three kinds, so that a question about another place is not answered with
// the hours of the library.
func unknown() []fact {
	world := fact{[]pattern{
		"what is the {capital|population|flag|currency|language|president|size|climate|area|highest mountain|longest river} of " + country,
		"{who|which person} is the {president|king|queen|prime minister|leader|ruler} of " + country,
		"how {many people live|large is the population|many people are there} in {" + country + "|" + city + "}",
		"{where|how big|how old|how far away} is {" + country + "|" + city + "}",
		"who {was|is} " + person,
		"when {was|did} " + person + " {born|die|live}",
		"what did " + person + " {do|write|say|discover|invent|paint}",
		"what is " + thing,
		"how does " + thing + " work",
		"explain " + thing + "{| to me| in simple words}.",
		"why is " + thing + " {important|so expensive|useful|dangerous|beautiful|red|round|cold|hot}",
		"who {invented|discovered|made} " + thing,
		"{what|who} is the {best|tallest|biggest|fastest|richest|oldest|smallest|most famous} {man|woman|animal|building|car|country|city|river|mountain|tree|film|book|song|team|player|ship} {in the world|on earth|of all time|ever}",
		"how {tall|high|long|deep|old|heavy|fast|far} is {the Eiffel Tower|Mount Everest|the Nile|the ocean|the moon|a whale|an elephant|the earth|a giraffe|the sun|Mars|the Great Wall|a cheetah|the Amazon}",
		"who {won|wins|played|plays|scored in} the {game|match|world cup|election|race|final|championship|war|Olympic games}{| yesterday| last year| in 2010| this year}",
		"who {wrote|painted|directed|sang|composed} {Hamlet|the Bible|Faust|the Mona Lisa|Titanic|Yesterday|Star Wars|Moby Dick|Guernica|Carmen|the Odyssey|Dracula|Don Quixote|Harry Potter}",
		"{what happened|what was invented|who ruled} in {1066|1492|1789|1815|1914|1945|1969|1989|2001|2020}",
		"how {do|can} I {cook|bake|make|prepare} {pasta|rice|bread|soup|a cake|pizza|an omelette|eggs|pancakes|coffee|tea|cheese|jam|a salad|fish|chicken|sushi}",
		"how {do|can} I {fix|repair|clean|paint|build|buy|sell|drive|learn|grow|play} {a car|a bike|a house|a table|the piano|the guitar|English|chess|tomatoes|a roof|a boat|a window|a clock|a garden|tennis|the violin}",
		"{what is|how much is} the {price|cost|value} of {gold|oil|bread|a car|a house|bitcoin|milk|petrol|silver|rice|a phone|an apple}",
		"what is the {meaning of life|speed of light|square root|boiling point of water|chemical symbol of gold|formula of water|theory of relativity|answer to everything|distance to the moon|freezing point|national anthem|golden ratio|value of pi}",
		"{are there|do you believe in} {aliens|ghosts|gods|unicorns|dragons|angels|miracles|time travel}",
		"{what|which} {film|book|song|car|phone|computer|wine|dog|game|laptop|camera} {should I|can I|do I} {buy|watch|read|get|choose|take|play}",
		"why {do|are|can} {birds|cats|dogs|fish|people|bees|trees|stars|clouds|children|planes|ships} {fly|sleep|bark|swim|cry|blue|green|sing|fall|float|white|dream}",
		"what {do|does} {birds|cats|dogs|a fish|a bee|a horse|a snake|a lion|bears|frogs|owls} {eat|drink|look like|do at night|weigh}",
		"how many {legs|eyes|teeth|bones|hearts|wings} {does|has} {a spider|a cat|an ant|a shark|a human|a bee|a bird|a snail|an octopus|a horse}{| have}",
		"how many {planets|stars|countries|oceans|people|languages|islands|continents|colours} {are there|exist|do we know}{| in the world}",
	}, worldAnswer}
	here := fact{[]pattern{
		"{where|how far away} is the{| nearest| next} " + place,
		"{when|at what time|what time} does the " + place + " {open|close}{| on {Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday}| today}",
		"how do I get to the{| nearest} " + place,
		"what are the opening hours of the " + place,
		"is the " + place + " open{| today| now| on {Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday}}",
		tell + " where the " + place + " is",
		"how much is {a ticket|the entry} {to|for|at} the " + place,
		"is there a " + place + "{| near here| in Fernwick| nearby}",
		"{which|what} {platform|train|time} {for|to} the train to " + city,
		"when {does|is} the {next |}train to " + city + "{| leave}",
		"how long does it take to " + city,
		"{which|what} platform is the train to " + city,
		"where does the bus {stop|go|leave}", "when does the {bus|tram|boat|ferry|plane} {leave|go|come|arrive}{| to " + city + "}",
	}, "I do not know that. I only know the library and the station of Fernwick."}
	now := fact{[]pattern{
		"what {time|day|date|month|year|hour} is it{| now| today}",
		"{what is|what's|tell me} {the time|the date|today's date|the day today|the year|the current time}{| now| please}",
		"{what is|what's|how is|how's} the {weather|temperature|forecast}{| today| like| tomorrow| outside| in " + city + "| now}",
		"{will it|is it going to|does it} {rain|snow|be sunny|be warm|be cold|get hot}{| today| tomorrow| tonight| in " + city + "| this week}",
		"is it {raining|cold|warm|hot|dark|sunny|snowing|windy|late}{| outside| now| today| in " + city + "}",
		"{what is|what's|is there} {|any }{in the news|new today|happening in the world|going on in the world|the news|news|new|news today}",
		"where am I{| now}", "{what do I look like|can you see me|can you hear me|do you see me|what am I wearing|can you see the room}",
		"{what is|how is} {the stock market|the traffic|the score|the bitcoin price|my balance}{| today| now| doing}",
	}, nowAnswer}
	task := fact{[]pattern{
		"{write|create|make|compose|draft} {a poem|an email|a letter|a program|a song|a script|a function|an essay|code|a report|a speech|a web page|a rap|a haiku|a test|a novel|a list|a plan|a CV}{| for me| about {love|the sea|my dog|work|Python|the moon|a cat|summer|dragons}| in {Python|Go|Java|C}}.",
		"{can you|could you|please} {write|draw|paint|sing|play|book|order|buy|call|send|drive|cook|dance} {a poem|a picture|a song|chess|a table|a flight|a pizza|my mother|an email|music|a taxi|a hotel|a letter|code|something}",
		"{translate|summarise|correct|rewrite|improve|proofread|shorten|read|check|explain} {this|this text|the following|my letter|the text|this email|this page|hello|good morning|this sentence|my essay|my code}{| into {German|French|Spanish|Latin|Chinese}| for me}.",
		"{open|play|set|start|turn on|turn off|switch on|switch off|close} {the light|the door|music|a timer|the radio|an alarm|the browser|a video|the heating|the window|the TV|my mail}.",
		"{plan|book|organise|prepare} {a trip|my holiday|a party|a meeting|a dinner|my week|a wedding|a flight}{| to " + city + "}{| for me}.",
		"{let's|let us|can we|do you want to} {play|play a game|play chess|go out|dance|sing|go for a walk|have lunch}",
		"{sing|draw|dance|cook|count to 100|say the alphabet|spell elephant|roll a die|flip a coin|tell me a secret|tell me a riddle|tell me a fact|surprise me|entertain me|guess a number|tell me something new|say something}.",
	}, "I cannot do that. I am only a small demo."}
	facts := []fact{here, here, here, now, now, task, task, task, foreign(), noise()}
	for range 6 { // the world is larger than the town
		facts = append(facts, world)
	}
	return facts
}

// foreign questions also give the vocabulary's bytes a meaning.
func foreign() fact {
	return fact{[]pattern{
		"{wie heißt du|wer bist du|wie spät ist es|wo ist {der Bahnhof|die Bücherei|die Straße|das Gebäude}|guten {Tag|Morgen|Abend}|kannst du mir helfen|was kannst du|wann öffnet die Bücherei|schönen Tag|ich möchte {ein Buch|eine Fahrkarte|über Züge sprechen}|sprichst du Deutsch}",
		"{comment t'appelles-tu|qui es-tu|quelle heure est-il|où est {la gare|la bibliothèque|le marché}|bonjour{| à tous| ça va}|bonsoir|peux-tu m'aider|à quelle heure ouvre la bibliothèque|je voudrais {un livre|un café|être aidé}|parlez-vous français|ça va}",
		"{cómo te llamas|quién eres|qué hora es|dónde está {la estación|la biblioteca|el mercado}|buenos días|buenas {noches|tardes}|puedes ayudarme|cuándo abre la biblioteca|quiero {un libro|una canción|más}|hablas español|hola, qué tal}",
		"{come ti chiami|chi sei|che ore sono|dov'è {la stazione|la biblioteca}|buongiorno|perché no|puoi aiutarmi|quando apre la biblioteca|hej, vad heter du|hur mår du|o que é você|não entendo|você fala português|hvad hedder du|cześć|jak się masz|merhaba|nasılsın}",
		"{привет|как дела|кто ты|где вокзал|你好|你是谁|几点了|こんにちは|元気ですか|안녕하세요|γεια σου|τι κάνεις|שלום|مرحبا}",
	}, "I only know English, and only a little."}
}

// noise is what a cat types when it walks over the keys.
func noise() fact {
	const syllable = "{b|d|f|g|k|m|p|qu|r|s|t|v|w|x|z|l|n|j|h}{a|e|i|o|u|y||}{b|d|f|g|k|m|p|r|s|t|v|x|z|l|n||}"
	return fact{[]pattern{
		syllable + syllable + "{| " + syllable + syllable + "}{| " + syllable + "}",
		"{asdf|qwerty|qwertz|xyz|abc|aaaa|blah blah|lorem ipsum|foo bar|test|test test|hmm|uh|la la la|ok|okay|yes|no|maybe|what|why|and|so|lol|haha|hahaha|hehe|really|wow|oh|hm|aha|yeah|nope|sure|cool|1|12|123|12345|42|7|0|a|b|x|testing|one two three|this is a test|hello world}",
		"{#|@|$|%|&|((|))|~|^|[]|<>|_|§|€|£|°|/|\\}{1|2|a|x|}{!|#|&|*|.|,|;|}{?|!|)|(|}",
	}, noiseAnswer}
}
