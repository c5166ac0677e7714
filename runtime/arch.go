package runtime

import (
	"maps"
	"slices"
)

// model is a bound architecture: its weights and the order in which they are
// applied. It is immutable once ready has returned.
type model interface {
	// bind names every tensor of the model, once.
	bind(b *binder)

	// ready makes what depends on the weights' values, after they are packed,
	// and on the number of tokens that a session may hold.
	ready(nCtx int) error

	// kvSpecs says what each layer keeps for each position.
	kvSpecs() []kvSpec

	// outputTail is what makes the model's output of a text's pooled vector, nil
	// where that is the output.
	outputTail() *tail

	// forward runs all tokens of s and returns the logits of the rows that s
	// wants, [len(s.rows), nVocab], or their vectors.
	forward(b Backend, s *step) Tensor
}

// newModel reads an architecture's hyper-parameters. What is wrong with them is
// noted in h; the model is not used then.
type newModel func(h *hparams, nVocab int) (model, config)

// archs maps general.architecture to constructors. A new architecture is a file
// of its own and a line here.
var archs = map[string]newModel{
	"bert":            newBERT,
	"bloom":           newBLOOM,
	"cohere2":         newCohere2,
	"command-r":       newCommandR,
	"deepseek2":       newDeepSeek2,
	"exaone4":         newExaone4,
	"falcon":          newFalcon,
	"gemma":           newGemma,
	"gemma2":          newGemma2,
	"gemma3":          newGemma3,
	"gemma3n":         newGemma3n,
	"gemma4":          newGemma4,
	"gemma-embedding": newGemmaEmbedding,
	"glm4":            newGLM4,
	"glm4moe":         newGLM4MoE,
	"gpt-oss":         newGPTOSS,
	"gpt2":            newGPT2,
	"gptneox":         newGPTNeoX,
	"granite":         newGranite,
	"granitehybrid":   newGraniteHybrid,
	"granitemoe":      newGraniteMoE,
	"jina-bert-v2":    newJinaBERT,
	"lfm2":            newLFM2,
	"lfm2moe":         newLFM2MoE,
	"llama":           newLlama,
	"llama4":          newLlama4,
	"mamba":           newMamba,
	"mamba2":          newMamba2,
	"mistral3":        newMistral3,
	"modern-bert":     newModernBERT,
	"nomic-bert":      newNomicBERT,
	"olmo2":           newOLMo2,
	"olmoe":           newOLMoE,
	"phi2":            newPhi2,
	"phi3":            newPhi3,
	"qwen2":           newQwen2,
	"qwen2moe":        newQwen2MoE,
	"qwen3":           newQwen3,
	"qwen3moe":        newQwen3MoE,
	"qwen35":          newQwen35,
	"qwen35moe":       newQwen35MoE,
	"qwen3next":       newQwen3Next,
	"smollm3":         newSmolLM3,
	"stablelm":        newStableLM,
	"starcoder2":      newStarCoder2,
}

// Architectures lists the architectures that can be loaded.
func Architectures() []string { return slices.Sorted(maps.Keys(archs)) }
