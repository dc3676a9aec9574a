-- Subscriptions that were sent on to context sources, for those of ours that they serve.
CREATE TABLE ngsild_remote_subscription (
    tenant text NOT NULL,
    subscription text NOT NULL,
    registration text NOT NULL,
    remote text NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (tenant, subscription, registration)
);
CREATE UNIQUE INDEX ngsild_remote_subscription_remote ON ngsild_remote_subscription (remote);
