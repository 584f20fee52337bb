export type { ChatAnswer, ChatMessage, ChatModel, ChatRequest, JsonSchema, Usage } from './chat-model.ts';
export { type Absent, createChatModel } from './create.ts';
export { FENCE_RULE, fenced } from './fenced.ts';
export { type Structured, structured } from './structured.ts';
