package sns

import (
	"net/http"

	"bartizan.dev/wire"
)

func invalid(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidParameter", "Invalid parameter: "+format, args...)
}

// badValue is what AWS answers for message attributes.
func badValue(format string, args ...any) *wire.Error {
	return wire.Errorf("ParameterValueInvalid", format, args...)
}

var (
	errNoTopic        = wire.Errorf("NotFound", "Topic does not exist").WithStatus(http.StatusNotFound)
	errNoSubscription = wire.Errorf("NotFound", "Subscription does not exist").WithStatus(http.StatusNotFound)
	errNoResource     = wire.Errorf("ResourceNotFound", "Resource does not exist").WithStatus(http.StatusNotFound)
	errTopics         = wire.Errorf("TopicLimitExceeded", "The number of topics of the account has reached its limit.").WithStatus(http.StatusForbidden)
	errSubscriptions  = wire.Errorf("SubscriptionLimitExceeded", "The number of pending subscriptions of the account has reached its limit.").WithStatus(http.StatusForbidden)
	errFilters        = wire.Errorf("FilterPolicyLimitExceeded", "The number of filter policies of the topic has reached its limit.").WithStatus(http.StatusForbidden)
	errTags           = wire.Errorf("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
	errPage           = invalid("NextToken")
)
