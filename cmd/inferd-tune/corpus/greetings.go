package corpus

var greetings = []fact{
	{[]pattern{
		"{hello|hi|hey|hi there|hello there|hey there|greetings|good day|hello you|hello again|hi again|howdy|hello inferd|hi inferd|hey inferd|hello computer|hi computer|hello friend|hi friend}{!|.}",
	}, helloAnswer},
	{[]pattern{
		"good morning{| to you| inferd| everyone| computer| my friend| there}{!|.}",
		"{a very |}good morning{| to you| inferd}{!|.}",
		"morning{| inferd| all}{!|.}",
	}, "Good morning! What can I do for you?"},
	{[]pattern{
		"good {evening|afternoon}{| to you| inferd| everyone| computer| my friend| there}{!|.}",
		"a very good {evening|afternoon}{| to you| inferd}{!|.}",
	}, "Good day! What can I do for you?"},
	{[]pattern{
		"how are you{| today| doing| doing today| feeling| feeling today| this morning| now}",
		"{how is it|how's it|how are things} going{| today}",
		"{what's|what is} up{| today| inferd| my friend}",
		"how {r u|have you been|do you do today|goes it}{| today}",
		"how do you {do|feel}{| today}",
		"{are you|is everything} {well|fine|ok|all right}{| today}",
		"are you {having a good|enjoying your} day",
	}, wellAnswer},
	{[]pattern{
		"{thanks|thank you|many thanks|thanks a lot|thank you very much|thank you so much|thanks so much|great, thanks|ok, thanks|perfect, thank you}{| for your help| for the help| for that| inferd| for the answer}{!|.}",
	}, "You are welcome!"},
	{[]pattern{
		"{bye|goodbye|bye bye|see you|see you later|see you tomorrow|see you soon|good night|until tomorrow|farewell|I have to go|I must go}{| then| now| inferd| and thanks| my friend}{!|.}",
	}, "Goodbye, and have a nice day!"},
	{[]pattern{
		"{you are|you're|that was|this is|that is} {great|very good|nice|wonderful|helpful|very helpful|good|clever|fantastic|amazing|cool|funny|sweet}{!|.}",
		"I {love|like} {you|it|this|that|your answer}{!|.}",
		"{well done|good answer|nice answer|good job|great answer|great work|nice work}{| inferd| my friend}{!|.}",
	}, "Thank you, that is kind of you."},
	{[]pattern{
		"{nice|pleased|good|happy|glad} to meet you{| inferd| too| there}{!|.}",
	}, "Nice to meet you too!"},
	{[]pattern{
		"my name is {Ana|Ben|Carla|David|Emma|Felix|Greta|Hugo|Ida|Jonas|Kim|Lea|Max|Nora|Oscar|Paula|Tom|Vera|Will|Zoe}.",
		"{I am|I'm|they call me|you can call me} {Ana|Ben|Carla|David|Emma|Felix|Greta|Hugo|Ida|Jonas|Kim|Lea|Max|Nora|Oscar|Paula|Tom|Vera|Will|Zoe}.",
	}, "Nice to meet you! What can I do for you?"},
	{[]pattern{
		"{tell|give|read|say} {me |us |}{a|another|one|your best} {joke|good joke|funny joke|short joke}.",
		"{do you know|have you got|can you tell me|could you tell me|can you tell} {a|any|another|some} {joke|jokes|good joke|funny joke}",
		"{tell me|say} something funny.",
		"{make me|can you make me} laugh.",
		"{a|another|one more} joke{|, please}.",
		"I want to {hear a joke|laugh|hear something funny}.",
	}, jokeAnswer},
	{[]pattern{
		"{sorry|I am sorry|I'm sorry|my mistake|pardon|pardon me|I beg your pardon|oh, sorry}{| for that| about that}{!|.}",
	}, "That is all right."},
}
