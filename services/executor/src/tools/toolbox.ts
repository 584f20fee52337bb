import { TOOLS, type ToolName } from '@conclave/contracts';
import type { Tool } from './tool.ts';
import { type ToolboxOptions, type ToolKit, toolKit } from './tool-kit.ts';

/** All tools of the executive team, connected to the real system. */
export async function createToolbox(options: ToolboxOptions): Promise<ReadonlyMap<ToolName, Tool>> {
  return await connectTools(toolKit(options));
}

/**
 * The tools that contracts name, each by the file of its name: `smoke_test` is what `connect` of `smoke-test.ts` makes of the kit.
 * @throws when a tool has no file, or its file makes another tool
 */
export async function connectTools(kit: ToolKit): Promise<ReadonlyMap<ToolName, Tool>> {
  const tools = await Promise.all(TOOLS.map(async (name) => [name, await connectTool(name, kit)] as const));
  return new Map(tools);
}

async function connectTool(name: ToolName, kit: ToolKit): Promise<Tool> {
  const file = `./${name.replaceAll('_', '-')}.ts`;
  const { connect }: { connect(kit: ToolKit): Tool } = await import(file);
  const tool = connect(kit);
  if (tool.name !== name) throw new Error(`${file} makes ${tool.name}, not ${name}`);
  return tool;
}
