// Vercel's AI SDK: chat completions, responses, and Ollama
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { createOllama } from "ollama-ai-provider-v2";
import { answer, baseURL, called, City, fetch, Order, question, told, weather } from "./inferd.mjs";

const providers = {
  compatible: createOpenAICompatible({ name: "inferd", baseURL, fetch, includeUsage: true, supportsStructuredOutputs: true }),
  responses: createOpenAI({ baseURL, apiKey: "none", fetch }),
  ollama: createOllama({ baseURL: "http://inferd/api", fetch }),
};
const tools = { weather: tool({ description: weather.description, inputSchema: City, execute: async ({ city }) => `wet in ${city}` }) };

for (const [name, provider] of Object.entries(providers)) {
  describe(name, () => {
    const ask = { model: provider("demo"), prompt: question, temperature: 0, maxRetries: 0 };

    test("text", async () => {
      const { text, finishReason, usage } = await generateText({ ...ask, system: "Be brief." });
      assert.match(text, answer);
      assert.equal(finishReason, "stop");
      assert.ok(usage.outputTokens > 10);
    });

    test("stream", async () => {
      const result = streamText(ask);
      let text = "";
      for await (const piece of result.textStream) text += piece;
      assert.match(text, answer);
      assert.ok((await result.usage).outputTokens > 10);
    });

    test("tools", async () => {
      const request = { model: provider("scripted"), prompt: "Bern?", tools, maxRetries: 0, stopWhen: stepCountIs(3) };
      const { text, steps } = await generateText(request);
      assert.deepEqual(steps[0].toolCalls[0].input, called);
      assert.equal(text, told);
      const result = streamText(request);
      assert.equal(await result.text, told);
    });

    test("objects", async () => {
      const request = { model: provider("demo"), schema: Order, prompt: "hi", maxRetries: 0 };
      Order.parse((await generateObject(request)).object);
      const result = streamObject(request);
      let n = 0;
      for await (const _ of result.partialObjectStream) n++;
      assert.ok(n > 0);
      Order.parse(await result.object);
    });

    test("errors", async () => {
      await assert.rejects(generateText({ ...ask, model: provider("nobody") }), (e) => APICallError.isInstance(e) && e.statusCode === 404 && /nobody/.test(e.responseBody));
    });
  });
}

test("embeddings", async () => {
  for (const model of [providers.compatible.textEmbeddingModel("demo"), providers.responses.textEmbeddingModel("demo"), providers.ollama.textEmbeddingModel("demo")]) {
    const { embeddings } = await embedMany({ model, values: ["library", "station"], maxRetries: 0 });
    assert.equal(embeddings[0].length, 128);
    assert.notDeepEqual(embeddings[0], embeddings[1]);
  }
});
