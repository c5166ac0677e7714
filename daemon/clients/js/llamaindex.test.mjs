// LlamaIndex.TS over both APIs
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Ollama, OllamaEmbedding } from "@llamaindex/ollama";
import { OpenAI, OpenAIEmbedding } from "@llamaindex/openai";
import { tool } from "llamaindex";
import { answer, baseURL, called, City, fetch, Order, question, told, weather } from "./inferd.mjs";

const session = { apiKey: "none", maxRetries: 0, additionalSessionOptions: { baseURL, fetch } };
const overOpenAI = (model) => new OpenAI({ model, temperature: 0, ...session });
const overOllama = (model) => new Ollama({ model, options: { temperature: 0 }, config: { host: "http://inferd", fetch } });
const look = tool({ name: weather.name, description: weather.description, parameters: City, execute: ({ city }) => `wet in ${city}` });

for (const [name, llm] of [["OpenAI", overOpenAI], ["Ollama", overOllama]]) {
  describe(name, () => {
    const messages = [{ role: "user", content: question }];

    test("chat", async () => {
      const { message } = await llm("demo").chat({ messages });
      assert.match(message.content, answer);
    });

    test("stream", async () => {
      let text = "";
      for await (const chunk of await llm("demo").chat({ messages, stream: true })) text += chunk.delta;
      assert.match(text, answer);
    });

    test("complete", async () => {
      const { text } = await llm("demo").complete({ prompt: "The library" });
      assert.ok(text.length > 0);
    });

    test("tools", async () => {
      const ask = [{ role: "user", content: "Bern?" }];
      const { message } = await llm("scripted").chat({ messages: ask, tools: [look] });
      const [call] = message.options.toolCall;
      assert.equal(call.name, "weather");
      assert.deepEqual(typeof call.input === "string" ? JSON.parse(call.input) : call.input, called);
      const second = await llm("scripted").chat({
        messages: [...ask, message, { role: "user", content: "wet", options: { toolResult: { id: call.id, result: "wet", isError: false } } }],
        tools: [look],
      });
      assert.equal(second.message.content, told);
    });

    test("tools in a stream", async () => {
      const calls = [];
      for await (const chunk of await llm("scripted").chat({ messages: [{ role: "user", content: "Bern?" }], tools: [look], stream: true }))
        if (chunk.options?.toolCall) calls.splice(0, calls.length, ...chunk.options.toolCall);
      assert.equal(calls[0].name, "weather");
      assert.deepEqual(typeof calls[0].input === "string" ? JSON.parse(calls[0].input) : calls[0].input, called);
    });

    test("structured output", async () => {
      const { message } = await llm("scripted").chat({ messages: [{ role: "user", content: "hi" }], responseFormat: Order });
      Order.parse(JSON.parse(message.content));
    });

    test("errors", async () => {
      await assert.rejects(llm("nobody").chat({ messages }), /nobody/);
    });
  });
}

describe("embeddings", () => {
  const models = {
    OpenAIEmbedding: new OpenAIEmbedding({ model: "demo", ...session }),
    OllamaEmbedding: new OllamaEmbedding({ model: "demo", config: { host: "http://inferd", fetch } }),
  };
  for (const [name, model] of Object.entries(models)) {
    test(name, async () => {
      const [one, two] = await model.getTextEmbeddingsBatch(["library", "station"]);
      assert.equal(one.length, 128);
      assert.notDeepEqual(one, two);
    });
  }
});
