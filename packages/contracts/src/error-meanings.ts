import type { ErrorCode } from './errors.ts';
import { COMMIT_LIMIT_BYTES, kilobytes, MESSAGE_LIMIT_BYTES } from './limits.ts';

/** What an error code says in general; its message says which thing, which value and which way out. */
export interface ErrorMeaning {
  /** What has happened. */
  readonly means: string;
  /** What to do about it. */
  readonly todo: string;
}

/** Every code of the catalogue, for docs/reference/errors.md. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCode, ErrorMeaning>> = {
  CVE_NAME_INVALID: {
    means: 'A name or version has letters that it may not have, or is too long.',
    todo: 'Use lower-case letters, digits and dashes for names; letters, digits and . _ + - for versions.',
  },
  CVE_MESSAGE_TOO_LARGE: {
    means: `A message is longer than is taken: ${kilobytes(MESSAGE_LIMIT_BYTES)} from outside, ${kilobytes(COMMIT_LIMIT_BYTES)} for a commit.`,
    todo: 'Split it, or put the large part into the object store and send its digest.',
  },
  CVE_MESSAGE_MALFORMED: { means: 'A message is no JSON in UTF-8.', todo: 'Send one JSON document.' },
  CVE_HANDOFF_INVALID: {
    means: 'A handoff document does not have the form of docs/schemas/handoff.schema.json.',
    todo: 'Correct the field that the message names.',
  },
  CVE_HANDOFF_OWNER_UNKNOWN: {
    means: 'An action belongs to nobody of the executive team.',
    todo: 'Name one of the six agents that the message lists.',
  },
  CVE_HANDOFF_PRIORITY_UNKNOWN: { means: 'An action has no priority that is known.', todo: 'Use high, medium or low.' },
  CVE_HANDOFF_TOOL_UNKNOWN: {
    means: 'An action names a tool that does not exist.',
    todo: 'Use one of docs/reference/tools.md, or leave the tool to the agent.',
  },
  CVE_HANDOFF_TOOL_FORBIDDEN: {
    means: 'The owner of an action may not use its tool.',
    todo: 'Give the action to an agent that may; the message names them.',
  },
  CVE_HANDOFF_DEPENDENCY_UNKNOWN: {
    means: 'depends_on names an action that is not in the document.',
    todo: 'Name an action of the same document.',
  },
  CVE_HANDOFF_DEPENDENCY_CYCLE: {
    means: 'Actions wait for each other in a circle.',
    todo: 'Remove one of the dependencies that the message names.',
  },
  CVE_HANDOFF_DEPENDENCY_LOWER: {
    means: 'An action waits for one of a lower priority, which runs later.',
    todo: 'Raise the priority of the one or lower that of the other.',
  },
  CVE_HANDOFF_ID_TAKEN: {
    means: 'A meeting_id was taken in with other content, or an action id stands twice in a document.',
    todo: 'Use a new id. The same document again is no error.',
  },
  CVE_HANDOFF_NOT_THE_MEETINGS: {
    means: 'The meeting_id is that of a meeting of the planning team, which handed off something else.',
    todo: 'Use a meeting_id of your own.',
  },
  CVE_INCIDENT_INVALID: {
    means: 'An incident report that somebody waits for names what cannot be an id or a model.',
    todo: 'Correct it as the message says. On conclave.incident such a report is taken in and counts in doubt.',
  },
  CVE_INSIGHT_INVALID: { means: 'An insight has no text, or a field that is not known.', todo: 'Send {"text":"..."}.' },
  CVE_CONFIG_INVALID: {
    means: 'The configuration has an option that does not exist, or a value out of its bounds.',
    todo: 'Correct it; docs/reference/configuration.md has every option.',
  },
  CVE_CONFIG_UNREADABLE: {
    means: 'A configuration file, or a file that it names, cannot be read.',
    todo: 'Correct the path; paths are relative to the file that names them.',
  },
  CVE_ENVIRONMENT_INVALID: {
    means: 'An environment variable is missing or wrong, or names a file that cannot be read.',
    todo: 'Correct the variable that the message names.',
  },
  CVE_ROLLOUT_INVALID: {
    means: 'A rollout file cannot be read, or is not as docs/reference/rollout.md says.',
    todo: 'Correct the line that the message names; conclave apply --dry-run checks without opening anything.',
  },
  CVE_ROLLOUT_CONFLICT: {
    means: 'Another rollout of the model is open, or nothing can be taken back.',
    todo: 'Let it end, or end it: conclave abort.',
  },
  CVE_ROLLOUT_ENDED: {
    means: 'A rollout of this very definition has ended.',
    todo: 'Change what was wrong, or open it once more: conclave apply --retry.',
  },
  CVE_ROLLOUT_UNKNOWN: {
    means: 'Nothing is on record about the model.',
    todo: 'Correct the name, or adopt a version first; conclave models list shows what is registered.',
  },
  CVE_ROLLOUT_NOT_ELIGIBLE: {
    means: 'What was asked for is too early: the stage is not earned, or there is nothing to approve yet.',
    todo: 'See what is missing: conclave explain.',
  },
  CVE_MODEL_UNKNOWN: {
    means: 'There is no such model or version.',
    todo: 'Correct the name, or push the bundle; conclave models list.',
  },
  CVE_MODEL_DIGEST_CONFLICT: {
    means: 'The version is registered with other content; a version never changes.',
    todo: 'Push it under a new version: conclave model push --version.',
  },
  CVE_MODEL_NOT_SERVED: {
    means: 'It stands on record that a version serves, and a runner cannot load it.',
    todo: 'Read why in the message, correct the bundle and push it under a new version.',
  },
  CVE_BUNDLE_INVALID: {
    means: 'A bundle is not as docs/bundles.md says.',
    todo: 'Correct the file and field that the message names.',
  },
  CVE_BUNDLE_ONNX_INVALID: {
    means: 'An ONNX file cannot be loaded, or its inputs and outputs are not those that bundle.json names.',
    todo: 'Export it again as docs/bundles.md says; the message names the tensor.',
  },
  CVE_DATASET_INVALID: {
    means: 'A dataset is not in the form of docs/bundles.md.',
    todo: 'Correct the file and line that the message names.',
  },
  CVE_DATASET_UNKNOWN: {
    means: 'No such dataset is registered.',
    todo: 'Correct the name, or push it; conclave datasets list.',
  },
  CVE_MEETING_UNKNOWN: {
    means: 'No such meeting is on record.',
    todo: 'Take an id that conclave meetings list shows.',
  },
  CVE_ACTION_UNKNOWN: { means: 'No such action is on record.', todo: 'Take an id that conclave actions list shows.' },
  CVE_ARTIFACT_UNKNOWN: {
    means: 'The object store has nothing under this digest.',
    todo: 'Push the bundle or dataset again.',
  },
  CVE_ARTIFACT_DIGEST_MISMATCH: {
    means: 'What came from the object store is not what was stored.',
    todo: 'Push it again; look at the disk of NATS if it happens twice.',
  },
  CVE_INFER_INVALID: {
    means: 'A request does not fit the model.',
    todo: 'Correct it; conclave infer --curl shows a request that fits.',
  },
  CVE_INFER_NOT_READY: {
    means: 'No runner has the version ready.',
    todo: 'Wait, or see why: conclave status and the log of the gpu-runner.',
  },
  CVE_INFER_FAILED: {
    means: 'The model failed on a request, or answered what is no answer.',
    todo: 'Ask again; if it stays so, see the log of the gpu-runner, and take the version back: conclave abort.',
  },
  CVE_INFER_OVERLOADED: {
    means: 'More requests wait than may.',
    todo: 'Ask again later, or more slowly; start more runners or raise runner.maxQueue.',
  },
  CVE_EVALUATION_FAILED: {
    means: 'An offline evaluation could not be carried out.',
    todo: 'Read its reason: conclave actions show. Often memory, or documents that the model does not know.',
  },
  CVE_JOURNAL_CONFLICT: {
    means: 'Another commit came first.',
    todo: 'Ask again; services do so by themselves.',
  },
  CVE_JOURNAL_UNKNOWN_EVENT: {
    means:
      'The journal has an event that this version cannot read, about what is to be decided on: a newer one wrote it.',
    todo: 'Upgrade this service. Until then it decides nothing on that model, meeting or action; all else goes on.',
  },
  CVE_JOURNAL_CORRUPT: {
    means: 'The journal was truncated or replaced, or has a message that is no commit.',
    todo: 'Stop the services, restore the store from a copy, start again.',
  },
  CVE_JOURNAL_OUTCOME_UNKNOWN: {
    means: 'Nobody confirmed a commit in time; it may be stored.',
    todo: 'See whether it happened (conclave history), then ask again.',
  },
  CVE_LEASE_LOST: {
    means: 'The coordinator that was asked has just stopped leading.',
    todo: 'Ask again; the next one answers within seconds.',
  },
  CVE_FENCED: { means: 'A newer leader has taken over.', todo: 'Nothing: the newer one goes on.' },
  CVE_BUS_UNAVAILABLE: {
    means: 'NATS does not answer, or its streams are not there.',
    todo: 'Start the system (npm start), or name the address: --nats or CONCLAVE_NATS_URL.',
  },
  CVE_BUS_SERVER_TOO_OLD: { means: 'The nats-server is too old.', todo: 'Install the version that the message names.' },
  CVE_BUS_STREAM_MISMATCH: {
    means: 'A stream on the server is configured otherwise than asked.',
    todo: "Use a newer nats-server, or remove the stream if it is not Conclave's.",
  },
  CVE_REQUEST_INVALID: {
    means: 'A command line or a request is not valid.',
    todo: 'Correct it as the message says; conclave --help.',
  },
  CVE_REQUEST_UNANSWERED: {
    means: 'No service answered: none runs, or none leads.',
    todo: 'See who is there: conclave status.',
  },
  CVE_UNAUTHORIZED: {
    means: 'The credentials do not allow it.',
    todo: "Give the operator's token (CONCLAVE_OPERATOR_TOKEN_FILE) and nkey (CONCLAVE_NKEY_FILE); the local stack keeps them in .conclave/credentials.",
  },
  CVE_TOOL_INVALID_ARGS: {
    means: 'A tool was given arguments that it does not take.',
    todo: 'Correct the plan; docs/reference/tools.md has every argument.',
  },
  CVE_TOOL_FAILED: {
    means: 'A tool, or with handoff --wait an action of the plan, did not succeed.',
    todo: 'Read the reason: conclave actions show.',
  },
  CVE_TOOL_TIMEOUT: {
    means: 'An action or the wait for it took too long.',
    todo: 'See how far it is: conclave actions list --open. limits.actionTimeoutSeconds bounds one action.',
  },
  CVE_SCRIPT_FORBIDDEN: {
    means: 'A path lies outside the folders that are allowed.',
    todo: 'List the folder under executor.scriptRoots, or name a file inside one.',
  },
  CVE_CHAT_RATE_LIMITED: {
    means: "The vendor's rate limit is reached.",
    todo: 'Wait; substitutes are asked meanwhile. Ask the vendor for more, or hold fewer meetings.',
  },
  CVE_CHAT_UNAVAILABLE: {
    means: 'The vendor cannot be reached or has a failure.',
    todo: 'Wait; quorum decides without the agent. Name substitutes of another vendor.',
  },
  CVE_CHAT_TIMEOUT: {
    means: 'A model gave no answer in time.',
    todo: 'Raise timeoutSeconds of the chair, or seat a faster model.',
  },
  CVE_CHAT_REFUSED: {
    means: 'The vendor or the model refuses the request: key, model id, or content.',
    todo: 'Correct what the message names in the configuration of the chair, or the key.',
  },
  CVE_CHAT_OUTPUT_INVALID: {
    means: 'A model answered what cannot be used, or was cut off.',
    todo: 'Raise maxOutputTokens of the chair, or seat another model.',
  },
  CVE_CHAT_NOT_CONFIGURED: {
    means: 'A chair has no key, so its agent is absent.',
    todo: 'Give the key in the environment or in .env, and start again.',
  },
  CVE_CANCELLED: { means: 'It was stopped before it was done.', todo: 'Ask again if it is still wanted.' },
  CVE_DOCTOR_PROBLEMS: {
    means: 'conclave doctor found something that keeps a system from working.',
    todo: 'Follow the arrow beside each problem.',
  },
  CVE_STACK_LOCKED: {
    means: 'Another stack runs on the state folder.',
    todo: 'Stop it, or give this one a folder of its own.',
  },
  CVE_STACK_FAILED: {
    means: 'A part of the local stack did not start.',
    todo: 'Read the end of its log in the message; a port that is taken is named there.',
  },
  CVE_SETUP_NATS_MISSING: {
    means: 'No nats-server is there.',
    todo: 'Let npm start fetch one, or name an executable in NATS_SERVER_BIN.',
  },
};
