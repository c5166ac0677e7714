// openai-node
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { answer, baseURL, called, fetch, Order, question, told, weather } from "./inferd.mjs";

const client = new OpenAI({ apiKey: "none", baseURL, fetch, maxRetries: 0 });
const ask = { model: "demo", temperature: 0, messages: [{ role: "user", content: question }] };
const tools = [{ type: "function", function: { ...weather, strict: true } }];

test("models", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.deepEqual(ids.sort(), ["demo", "scripted"]);
  assert.equal((await client.models.retrieve("demo")).id, "demo");
});

test("chat", async () => {
  const { data, request_id } = await client.chat.completions.create(ask).withResponse();
  assert.match(data.choices[0].message.content, answer);
  assert.equal(data.choices[0].finish_reason, "stop");
  assert.ok(data.usage.total_tokens > data.usage.prompt_tokens);
  assert.match(request_id, /^req_/);
});

test("chat, with all that the clients' documents show", async () => {
  const completion = await client.chat.completions.create({
    ...ask,
    messages: [
      { role: "developer", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: question }], name: "me" },
    ],
    n: 2, seed: 7, stop: ["\n\n"], max_completion_tokens: 40, logprobs: true, top_logprobs: 2,
    logit_bias: { 5: -1 }, presence_penalty: 0, frequency_penalty: 0, top_p: 1, user: "me",
    metadata: { a: "b" }, store: false, parallel_tool_calls: true, service_tier: "auto",
    response_format: { type: "text" },
  });
  assert.equal(completion.choices.length, 2);
  assert.equal(completion.choices[0].message.content, completion.choices[1].message.content);
  assert.equal(completion.choices[0].logprobs.content[0].top_logprobs.length, 2);
});

test("stream", async () => {
  const stream = await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } });
  let text = "", usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.match(text, answer);
  assert.ok(usage.completion_tokens > 0);

  const runner = client.chat.completions.stream(ask);
  assert.equal(await runner.finalContent(), text);
});

test("a stream that is given up", async () => {
  const stream = await client.chat.completions.create({ ...ask, model: "scripted", logit_bias: { 2: -100 }, stream: true });
  for await (const _ of stream) break;
  assert.match((await client.chat.completions.create(ask)).choices[0].message.content, answer);
});

test("tools", async () => {
  const request = { model: "scripted", messages: [{ role: "user", content: "Bern?" }], tools };
  const { choices: [{ message, finish_reason }] } = await client.chat.completions.create(request);
  assert.equal(finish_reason, "tool_calls");
  assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), called);

  const runner = client.chat.completions.stream(request);
  const streamed = (await runner.finalChatCompletion()).choices[0].message;
  assert.deepEqual(streamed.tool_calls[0].function, { ...message.tool_calls[0].function, parsed_arguments: called });

  const second = await client.chat.completions.create({
    ...request,
    messages: [...request.messages, message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: "wet" }],
  });
  assert.equal(second.choices[0].message.content, told);
});

test("tools run by the client", async () => {
  const runner = client.chat.completions.runTools({
    model: "scripted",
    messages: [{ role: "user", content: "Bern?" }],
    tools: [{ type: "function", function: { ...weather, parse: JSON.parse, function: ({ city }) => `wet in ${city}` } }],
  });
  assert.equal(await runner.finalContent(), told);
});

test("a tool that must be called", async () => {
  for (const tool_choice of ["required", { type: "function", function: { name: "weather" } }]) {
    const { choices: [{ message }] } = await client.chat.completions.create({
      model: "scripted",
      messages: [{ role: "user", content: "hi" }],
      tools: [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { enum: ["Bern", "Chur"] } }, required: ["city"], additionalProperties: false } } }],
      tool_choice,
    });
    assert.match(JSON.parse(message.tool_calls[0].function.arguments).city, /^(Bern|Chur)$/);
  }
});

test("structured output", async () => {
  const request = { ...ask, temperature: 1, response_format: zodResponseFormat(Order, "order") };
  const completion = await client.chat.completions.parse(request);
  Order.parse(completion.choices[0].message.parsed);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  Order.parse(streamed.choices[0].message.parsed);
});

test("completions", async () => {
  const completion = await client.completions.create({ model: "demo", prompt: "The library", max_tokens: 8, echo: true, logprobs: 1 });
  assert.match(completion.choices[0].text, /^The library/);
  let text = "";
  for await (const chunk of await client.completions.create({ model: "demo", prompt: "a", max_tokens: 8, stream: true })) text += chunk.choices[0].text;
  assert.ok(text.length > 0);
});

test("errors", async () => {
  const refused = (change) => client.chat.completions.create({ ...ask, ...change });
  await assert.rejects(refused({ model: "nobody" }), (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found" && /"nobody".*"demo"/.test(e.message));
  await assert.rejects(refused({ temperature: 9 }), (e) => e instanceof OpenAI.BadRequestError && e.param === "temperature");
  await assert.rejects(refused({ messages: [{ role: "user", content: "word ".repeat(2000) }] }), (e) => e.code === "context_length_exceeded" && /256 tokens/.test(e.message));
  await assert.rejects(refused({ response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "nonsense" } } } }), OpenAI.BadRequestError);
});
