-- Large payloads, as rows of their own.
SELECT number, text FROM payloads WHERE number IN (SELECT value FROM json_each(:numbers))
