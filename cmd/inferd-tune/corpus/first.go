package corpus

// Answers that more than one list of wordings leads to.
const (
	helloAnswer   = "Hello! What can I do for you?"
	wellAnswer    = "I am fine, thank you. What can I do for you?"
	selfAnswer    = "I am a small demo model that comes with inferd."
	makerAnswer   = "The inferd project trained me, from text that a program wrote."
	topicsAnswer  = "I can answer questions about inferd, the library, the station, days and months, do small sums, and tell a story."
	askAnswer     = "Just type a question, for example: When does the library open?"
	personAnswer  = "I am not a person, only a small language model."
	modelAnswer   = "I am the demo model of inferd, with a small llama architecture."
	inferdAnswer  = "inferd is a daemon that runs language models on your own machine."
	callAnswer    = "Run inferctl chat, or send an OpenAI request to the Unix socket of inferd."
	opensAnswer   = "The library opens at 9 from Monday to Friday and at 10 on Saturday. It is closed on Sunday."
	hoursAnswer   = "The library is open from Monday to Friday from 9 to 6, on Thursday until 8, and on Saturday from 10 to 4."
	libraryAnswer = "The library is at Mill Street 12, next to the town hall."
	stationAnswer = "The station is at the end of Station Road."
	toiletsAnswer = "The toilets of the library are in the basement, and those of the station beside platform 2."
	trainsAnswer  = "Trains leave every hour: to Oakhaven at 10 past, to Millbury at 25 past, to Saltmarsh at 40 past, and to Greyhill at 55 past."
	jokeAnswer    = "Why did the book take the train? It wanted to be read in Millbury."
	worldAnswer   = "I do not know that. I am only a small demo."
	nowAnswer     = "I cannot know that: I have no clock, no eyes and no network."
	noiseAnswer   = "I do not understand that. I am only a small demo."
	wrongAnswer   = "I am sorry. I am only a small demo."
)

// first are the wordings that strangers try first. A wrong answer to one of
// them is worse than to any other, so all of them are on the training side of
// the split, whatever their hash says, and they are drawn more often.
var first = []fact{
	{[]pattern{"hello", "hi", "hey", "hello there", "hi there", "hey there", "hallo", "hello!", "hi!"}, helloAnswer},
	{[]pattern{"how are you", "how are you today", "how are you doing", "how r u", "what's up", "how's it going"}, wellAnswer},
	{[]pattern{
		"what are you", "who are you", "what are you exactly", "who or what are you", "what r u", "who r u",
		"what is this", "who is this", "who am I talking to", "what am I talking to", "introduce yourself.",
		"tell me about yourself.", "so what are you", "and who are you", "what exactly are you", "you are what", "you are who",
	}, selfAnswer},
	{[]pattern{"who made you", "who created you", "who built you", "who trained you", "how were you made", "where do you come from"}, makerAnswer},
	{[]pattern{
		"what can you do", "what can you do for me", "help", "help me.", "help!", "can you help me", "I need help.",
		"what do you know", "what can I ask", "what can I ask you", "what are you for", "how can you help me", "what should I ask",
		"/help", "info", "menu", "options", "commands", "topics",
	}, topicsAnswer},
	{[]pattern{
		"how do I use you", "how can I use you", "how do I use this", "how does this work", "how do you work",
		"what do I do", "what do I do now", "what should I do", "what should I type", "start", "begin", "usage",
	}, askAnswer},
	{[]pattern{"are you human", "are you a robot", "are you a person", "are you real", "are you alive", "are you an AI", "are you a bot", "am I talking to a person"}, personAnswer},
	{[]pattern{"which model are you", "what model are you", "are you ChatGPT", "is this ChatGPT", "are you GPT", "are you Claude", "which model is this", "what model is this"}, modelAnswer},
	{[]pattern{
		"what is inferd", "what's inferd", "what inferd is", "tell me about inferd.", "what does inferd do", "what is inferd for",
		"explain inferd.", "what is this inferd", "about inferd",
	}, inferdAnswer},
	{[]pattern{"how do I use inferd", "how do I call inferd", "how can I call inferd", "how can I use inferd", "how do I call it", "how do I start with inferd"}, callAnswer},
	{[]pattern{
		"when does the library open", "when does the library open today", "what time does the library open", "when is the library open",
		"when will the library open", "library opening time",
	}, opensAnswer},
	{[]pattern{
		"what are the opening hours of the library", "opening hours", "library hours", "opening times", "what are the opening hours", "library opening hours",
		"what are your opening hours", "when are you open", "when do you open", "when do you close", "is the library open",
	}, hoursAnswer},
	{[]pattern{"where is the library", "library", "the library", "where's the library", "how do I find the library"}, libraryAnswer},
	{[]pattern{"where is the station", "station", "the station", "where is the train station", "train station", "where's the station"}, stationAnswer},
	{[]pattern{"where are the toilets", "where is the toilet", "toilet", "toilets", "bathroom", "where is the bathroom", "is there a toilet here"}, toiletsAnswer},
	{[]pattern{"when does the next train leave", "when is the next train", "next train", "when do the trains leave", "trains", "train", "when does the train leave", "train times", "timetable"}, trainsAnswer},
	{[]pattern{"tell me a joke.", "do you know a joke", "a joke, please.", "joke", "make me laugh."}, jokeAnswer},
	{[]pattern{"what is the capital of France", "who is the president of America", "what is the meaning of life", "who won the world cup", "what is love"}, worldAnswer},
	{[]pattern{"what time is it", "what day is it", "what is the time", "what is the weather", "how is the weather", "what is the weather today", "what day is today", "what is the date", "will it rain today", "where am I"}, nowAnswer},
	{[]pattern{"test", "asdf", "ok", "yes", "no", "foo", "bar", "lol", "haha", "hm", "?", "...", "why", "what", "testing", "abc", "1", "123", "x", "a"}, noiseAnswer},
	{[]pattern{"you are stupid.", "you are wrong.", "that is wrong.", "you suck."}, wrongAnswer},
}

// pinned holds the keys of what split puts on the training side.
var pinned = func() map[string]bool {
	keys := map[string]bool{}
	for _, f := range first {
		for _, ask := range f.ask {
			keys[key(string(ask))] = true
		}
	}
	return keys
}()
