// LangChain.js: ChatOpenAI and ChatOllama, and embeddings over both
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOllama, OllamaEmbeddings } from "@langchain/ollama";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { answer, baseURL, called, City, fetch, Order, question, told, weather } from "./inferd.mjs";

const overOpenAI = (model, more) => new ChatOpenAI({ model, apiKey: "none", maxRetries: 0, configuration: { baseURL, fetch }, ...more });
const overOllama = (model, more) => new ChatOllama({ model, baseUrl: "http://inferd", fetch, maxRetries: 0, ...more });
const look = tool(({ city }) => `wet in ${city}`, { name: weather.name, description: weather.description, schema: City });

for (const [name, chat] of [["ChatOpenAI", overOpenAI], ["ChatOllama", overOllama]]) {
  describe(name, () => {
    test("chat", async () => {
      const message = await chat("demo", { temperature: 0 }).invoke([new SystemMessage("Be brief."), new HumanMessage(question)]);
      assert.match(message.content, answer);
      assert.ok(message.usage_metadata.output_tokens > 10);
    });

    test("stream", async () => {
      let text = "";
      for await (const chunk of await chat("demo", { temperature: 0 }).stream(question)) text += chunk.content;
      assert.match(text, answer);
    });

    test("tools", async () => {
      const model = chat("scripted").bindTools([look]);
      const messages = [new HumanMessage("Bern?")];
      const first = await model.invoke(messages);
      assert.equal(first.tool_calls[0].name, "weather");
      assert.deepEqual(first.tool_calls[0].args, called);
      let streamed;
      for await (const chunk of await model.stream(messages)) streamed = streamed ? streamed.concat(chunk) : chunk;
      assert.deepEqual(streamed.tool_calls[0].args, called);
      const result = await look.invoke(first.tool_calls[0]);
      assert.ok(result instanceof ToolMessage);
      const second = await model.invoke([...messages, first, result]);
      assert.equal(second.content, told);
    });

    test("structured output", async () => {
      Order.parse(await chat("demo").withStructuredOutput(Order, { method: "jsonSchema" }).invoke("hi"));
      if (chat === overOpenAI) Order.parse(await chat("scripted").withStructuredOutput(Order, { method: "functionCalling" }).invoke("hi"));
    });

    test("errors", async () => {
      await assert.rejects(chat("nobody").invoke("hi"), /nobody/);
    });
  });
}

describe("embeddings", () => {
  const models = {
    OpenAIEmbeddings: new OpenAIEmbeddings({ model: "demo", apiKey: "none", maxRetries: 0, configuration: { baseURL, fetch } }),
    OllamaEmbeddings: new OllamaEmbeddings({ model: "demo", baseUrl: "http://inferd", fetch, maxRetries: 0 }),
  };
  for (const [name, model] of Object.entries(models)) {
    test(name, async () => {
      const [one, two] = await model.embedDocuments(["library", "station"]);
      assert.equal(one.length, 128);
      assert.notDeepEqual(one, two);
      assert.deepEqual(await model.embedQuery("library"), one);
    });
  }
});
