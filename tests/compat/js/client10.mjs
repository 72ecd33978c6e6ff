// @a2a-js/sdk 1.x's own client; it asks for the card anew for every call.
import { StreamResponse, TaskState, taskStateToJSON, Role } from '@a2a-js/sdk';
import { ClientFactory, DefaultAgentCardResolver } from '@a2a-js/sdk/client';
import { randomUUID } from 'node:crypto';
import { WELL_KNOWN, Refused, serve } from './lines.mjs';

const CODES = {
  TaskNotFoundError: -32001,
  TaskNotCancelableError: -32002,
  PushNotificationNotSupportedError: -32003,
  UnsupportedOperationError: -32004,
  RequestMalformedError: -32602,
};

async function asked(url, call) {
  // The address of the card in full: the SDK takes a path from the root of the host.
  const client = await new ClientFactory().createFromUrl(url + WELL_KNOWN, '');
  try {
    return await call(client);
  } catch (error) {
    const said = /-32\d{3}/.exec(`${error.message}`);
    throw new Refused(error.envelope?.code ?? error.code ?? CODES[error.name] ?? (said ? Number(said[0]) : 0), `${error.name}: ${error.message}`);
  }
}

function textOf(parts) {
  return (parts ?? []).map((part) => (part.content?.$case === 'text' ? part.content.value : '')).join('');
}

function seen(task) {
  if (!task.status) throw new Error(`no task: ${JSON.stringify(task)}`);
  const state = taskStateToJSON(task.status.state).replace('TASK_STATE_', '').replaceAll('_', '-').toLowerCase();
  return {
    id: task.id,
    context_id: task.contextId,
    state,
    artifacts: task.artifacts.length,
    said: textOf(task.status.message?.parts),
    history: task.history.length,
  };
}

function config(webhook, taskId = '') {
  if (!webhook) return undefined;
  const authentication = webhook.secret ? { scheme: 'HMAC-SHA256', credentials: webhook.secret } : undefined;
  return { tenant: '', id: webhook.id, taskId, url: webhook.url, token: webhook.token, authentication };
}

function webhook(told) {
  return { url: told.url, token: told.token ?? '', secret: told.authentication?.credentials ?? '', id: told.id };
}

function request({ text, task, webhook: hook, waits }) {
  const message = {
    messageId: randomUUID(),
    contextId: task?.context_id ?? '',
    taskId: task?.id ?? '',
    role: Role.ROLE_USER,
    parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: '' }],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  };
  const configuration = { acceptedOutputModes: [], taskPushNotificationConfig: config(hook), returnImmediately: !waits };
  return { tenant: '', message, configuration, metadata: undefined };
}

serve({
  send: (told) => asked(told.url, async (client) => seen(await client.sendMessage(request(told)))),
  reply: (told) => asked(told.url, async (client) => textOf((await client.sendMessage(request({ ...told, waits: true }))).parts)),
  get: ({ url, task_id: id }) => asked(url, async (client) => seen(await client.getTask({ tenant: '', id }))),
  cancel: ({ url, task_id: id }) => asked(url, async (client) => seen(await client.cancelTask({ tenant: '', id, metadata: undefined }))),
  set_config: ({ url, task_id, webhook: hook }) =>
    asked(url, async (client) => webhook(await client.createTaskPushNotificationConfig(config(hook, task_id)))),
  get_config: ({ url, task_id: taskId, config_id: id }) =>
    asked(url, async (client) => webhook(await client.getTaskPushNotificationConfig({ tenant: '', taskId, id }))),
  list_configs: ({ url, task_id: taskId }) =>
    asked(url, async (client) => {
      const page = await client.listTaskPushNotificationConfig({ tenant: '', taskId, pageSize: 0, pageToken: '' });
      return page.configs.map(webhook);
    }),
  delete_config: ({ url, task_id: taskId, config_id: id }) =>
    asked(url, async (client) => (await client.deleteTaskPushNotificationConfig({ tenant: '', taskId, id })) ?? null),
  read_notification: ({ body }) => seen(StreamResponse.fromJSON(JSON.parse(body)).payload.value),
  card: ({ url, path }) => new DefaultAgentCardResolver().resolve(url + path, ''),
});
