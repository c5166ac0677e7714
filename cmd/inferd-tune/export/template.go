package export

// ChatTemplate is the chat template of the demo model. It shows the model the
// last message only: one question at a time is what it was trained on, and in
// a million parameters there is no room for a conversation. A system prompt
// would only confuse it.
const ChatTemplate = `{{- bos_token + '<|user|>' + messages[-1]['content'] | trim + '<|end|>' -}}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}`
