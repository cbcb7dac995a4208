/**
 * The authoriser of the APIs on Amazon: a function that takes a client's key out of the header that its client sends it in and names it to API Gateway,
 * which looks whether such a key is in a usage plan of the API that was called. So the function knows no key and decides nothing; it is asked once
 * in five minutes for each key.
 */

/** What the function gives the key out of: OpenAI's clients send the first header, Anthropic's the second. */
export const authorizerCode = `"use strict";
exports.handler = async event => {
  const headers = Object.fromEntries(Object.entries(event.headers || {}).map(([name, value]) => [name.toLowerCase(), value]));
  const given = [/^bearer +(\\S+) *$/i.exec(headers.authorization || ""), /^(\\S+)$/.exec(headers["x-api-key"] || "")];
  const keys = new Set(given.filter(Boolean).map(found => found[1]));
  const [key] = keys;
  if (keys.size !== 1 || !/^[A-Za-z0-9_-]{20,128}$/.test(key)) throw new Error("Unauthorized");
  const api = event.methodArn.split("/").slice(0, 2).join("/");
  return {
    principalId: "key",
    usageIdentifierKey: key,
    policyDocument: { Version: "2012-10-17", Statement: [{ Action: "execute-api:Invoke", Effect: "Allow", Resource: api + "/*" }] }
  };
};
`;

/** Headers that keys come in, by the name of their scheme. */
const keyHeaders = { bearer: "Authorization", anthropic: "x-api-key" } as const;
export type KeyScheme = keyof typeof keyHeaders;

/** Seconds for which an answer counts. */
const remembered = 300;

/** Of an OpenAPI document; `uri`: the function's, as an integration names it. */
export const authorizerScheme = (scheme: KeyScheme, uri: unknown): object => ({
  type: "apiKey",
  name: "Unused",
  in: "header",
  "x-amazon-apigateway-authtype": "custom",
  "x-amazon-apigateway-authorizer": {
    type: "request",
    identitySource: `method.request.header.${keyHeaders[scheme]}`,
    authorizerUri: uri,
    authorizerResultTtlInSeconds: remembered,
  },
});

/** The function and the role that it runs as, which may write its log and nothing else. */
export const authorizerResources = {
  AuthorizerRole: {
    Type: "AWS::IAM::Role",
    Properties: {
      AssumeRolePolicyDocument: {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
      },
      ManagedPolicyArns: [{ "Fn::Sub": `arn:\${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole` }],
    },
  },
  Authorizer: {
    Type: "AWS::Lambda::Function",
    Properties: {
      Description: "Names a client's key to API Gateway",
      Runtime: "nodejs22.x",
      Handler: "index.handler",
      Role: { "Fn::GetAtt": ["AuthorizerRole", "Arn"] },
      Timeout: 5,
      MemorySize: 128,
      Code: { ZipFile: authorizerCode },
    },
  },
} as const;

/** Lets an API of the template ask the function. */
export const mayAsk = (api: string): { readonly Type: string; readonly Properties: object } => ({
  Type: "AWS::Lambda::Permission",
  Properties: {
    Action: "lambda:InvokeFunction",
    FunctionName: { "Fn::GetAtt": ["Authorizer", "Arn"] },
    Principal: "apigateway.amazonaws.com",
    SourceArn: { "Fn::Sub": `arn:\${AWS::Partition}:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${${api}}/authorizers/*` },
  },
});

/** The function as an integration names it, in the template. */
export const authorizerUri = {
  "Fn::Sub": `arn:\${AWS::Partition}:apigateway:\${AWS::Region}:lambda:path/2015-03-31/functions/\${Authorizer.Arn}/invocations`,
} as const;
